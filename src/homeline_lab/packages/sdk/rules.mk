# A stand-in for the OpenWrt SDK's rules.mk: with it and the files beside it, GNU make reads the recipes of package/ as
# the SDK's make does, and does their steps on this machine. It defines what those recipes use, under the names of the
# SDK, and nothing else: a recipe that uses more is refused (make's warning of an undefined variable is an error there).
#
# From the command line: TOPDIR (this folder), OPENWRT (such as 24.10), PYTHON3_VERSION, HOST_PYTHON3_BIN, BUILD_DIR,
# DL_DIR (fetched sources), OUTPUT (what `recipe.py` reads).

INCLUDE_DIR:=$(TOPDIR)/include
SHELL:=/bin/sh

CP:=cp -fpR
LN:=ln -sf
INSTALL_DIR:=install -d -m0755
INSTALL_BIN:=install -m0755
INSTALL_DATA:=install -m0644
INSTALL_CONF:=install -m0600

PKG_VERSION:=
PKG_RELEASE:=
PKG_SOURCE:=
PKG_SOURCE_URL:=
PKG_HASH:=
PKG_MAINTAINER:=
PKG_LICENSE:=
PKG_LICENSE_FILES:=
PKG_BUILD_DEPENDS:=
PKG_FILE_DEPENDS:=

all:
.PHONY: all
