"""One browser for all tests of the pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium import webdriver

from page.kit import chromium_of


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with chromium_of(tmp_path_factory.mktemp("chromium")) as driver:
        yield driver
