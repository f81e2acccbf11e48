# The developer's door. Each target sets up what it needs by itself (scripts/setup says what it does).

PY := .venv/bin/python
SH_FILES := scripts/setup .ci/run $(shell grep -rlE '^\#!.*/(ba)?sh|^\# shellcheck shell' files 2>/dev/null)

.PHONY: help demo screenshots test check bench ipk apk sizes clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## a simulated dongle, the real daemon, an inbox, an e-mail, a chat, LuCI; text it yourself (Ctrl-C ends it)
	@scripts/setup lab
	@exec $(PY) -m homeline_lab demo

screenshots: ## a picture of each page of LuCI into docs/ (LUCI=/path/to/a/luci/checkout: on its own theme)
	@scripts/setup dev
	$(PY) -m homeline_lab screenshots docs

test: ## all tests, and the checks
	@scripts/setup dev
	@$(MAKE) --no-print-directory check
	$(PY) -m pytest -n 3 --dist worksteal

check: ## ruff, mypy --strict, shellcheck
	@scripts/setup dev
	$(PY) -m ruff check src tests package
	$(PY) -m ruff format --check src tests package
	$(PY) -m mypy
	@if command -v shellcheck >/dev/null; then echo shellcheck $(SH_FILES); shellcheck $(SH_FILES); else echo "shellcheck is not installed: left out"; fi

bench: ## the table of docs/bench.md, beside gammu-smsd and smstools (QUICK=1: some eight minutes)
	@scripts/setup bench
	$(PY) -m homeline_lab bench $(if $(QUICK),--quick) --json build/bench.json

ipk: ## OpenWrt packages for opkg, and a feed of them for each branch, in dist/
	@scripts/setup packages
	$(PY) -m homeline_lab packages ipk

apk: ## the same for apk (OpenWrt 25.12 and newer), where apk's tools are
	@scripts/setup packages
	$(PY) -m homeline_lab packages apk

sizes: ## the table of docs/sizes.md: what each package takes on a router
	@scripts/setup packages
	$(PY) -m homeline_lab packages sizes

clean: ## remove what the targets made
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
