# A stand-in for python3-package.mk of OpenWrt's packages feed (see ../../../../rules.mk). Of Py3Package it knows what a
# plain project of Python without compiled parts needs; its sources' package (-src) is not made.

PYTHON3_PKG_DIR:=/usr/lib/python$(PYTHON3_VERSION)/site-packages
PYTHON3_PKG_BUILD?=1

define Py3Build/Compile/Default
	$(INSTALL_DIR) $(PKG_INSTALL_DIR)$(PYTHON3_PKG_DIR)
	! find $(PKG_BUILD_DIR) -name '*.c' -o -name '*.pyx' -o -name '*.rs' | grep .
	for init in $(PKG_BUILD_DIR)/*/__init__.py; do $(CP) "$$(dirname "$$init")" $(PKG_INSTALL_DIR)$(PYTHON3_PKG_DIR)/; done
	rm -rf $(PKG_INSTALL_DIR)$(PYTHON3_PKG_DIR)/tests
	find $(PKG_INSTALL_DIR) -name '*.pyi' -delete
endef

ifeq ($(PYTHON3_PKG_BUILD),1)
  Build/Compile=$(Py3Build/Compile/Default)
endif

# As the feed: byte code beside where the source would be, without the source.
define Py3Package
  define Package/$(1)/install
	$(CP) $(PKG_INSTALL_DIR)/. $$(1)/
	$(HOST_PYTHON3_BIN) -m compileall -q -b -s $$(1) -p / $$(1) --invalidation-mode unchecked-hash
	find $$(1) -name '*.py' -delete
  endef

  define Package/$(1)-src
  endef
  define Package/$(1)-src/install
  endef
endef
