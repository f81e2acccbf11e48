# What the recipes of the service's packages share. They are made from one source tree, which lies two folders above
# each; so they have one version.
#
# Only byte code goes onto a router, packed into one file for each package, which takes a third of the room (docs/sizes.md).
# pack.py does that with the Python of the SDK, as python3-package.mk would call its compileall.

include ../publisher.mk

HOMELINE_DIR:=$(abspath $(CURDIR)/../..)

PKG_VERSION:=0.1.0
PKG_RELEASE:=1
PKG_MAINTAINER:=$(HOMELINE_MAINTAINER)
PKG_LICENSE:=Apache-2.0
PKG_LICENSE_FILES:=LICENSE
PKG_BUILD_DEPENDS:=python3/host
PKG_FILE_DEPENDS:=$(addprefix $(HOMELINE_DIR)/,src/homeline files htdocs luasrc root po package)

PYTHON3_PKG_BUILD:=0

include $(INCLUDE_DIR)/package.mk
include $(TOPDIR)/feeds/packages/lang/python/python3-package.mk

HOMELINE_PYTHON_DIR:=$(PYTHON3_PKG_DIR)/homeline

define Package/homeline/Default
  SECTION:=net
  CATEGORY:=Network
  SUBMENU:=Telephony
  URL:=$(HOMELINE_URL)
  PKGARCH:=all
endef

define Build/Prepare
	$(INSTALL_DIR) $(PKG_BUILD_DIR)
	$(CP) $(HOMELINE_DIR)/LICENSE $(PKG_BUILD_DIR)/
endef

define Build/Configure
endef

# $(1): package
define Homeline/Pack
	$(HOST_PYTHON3_BIN) -X no_debug_ranges $(HOMELINE_DIR)/package/pack.py \
		$(HOMELINE_DIR)/src $(1) $(PKG_BUILD_DIR)/$(1).pack
endef

define Build/Compile
	$(call Homeline/Pack,$(PKG_NAME))
endef

# $(1): where to, $(2): package
define Homeline/InstallPack
	$(INSTALL_DIR) $(1)$(HOMELINE_PYTHON_DIR)
	$(INSTALL_DATA) $(PKG_BUILD_DIR)/$(2).pack $(1)$(HOMELINE_PYTHON_DIR)/
endef
