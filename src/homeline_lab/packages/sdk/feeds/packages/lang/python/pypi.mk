# A stand-in for pypi.mk of OpenWrt's packages feed (see ../../../../rules.mk).

PKG_SOURCE:=$(PYPI_NAME)-$(PKG_VERSION).tar.gz
PKG_SOURCE_URL:=https://files.pythonhosted.org/packages/source/$(PYPI_NAME)
