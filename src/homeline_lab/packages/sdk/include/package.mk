# A stand-in for the SDK's package.mk (see ../rules.mk). `all` prepares and compiles, then makes below OUTPUT for each
# package a folder: data/ (the files), fields/ and texts/ (what the recipe says of it, a file each).

PKG_BUILD_DIR?=$(BUILD_DIR)/$(PKG_NAME)-$(PKG_VERSION)
PKG_INSTALL_DIR:=$(PKG_BUILD_DIR)/ipkg-install
# In 24.10 the release became "r1", as apk has it.
VERSION:=$(PKG_VERSION)-$(if $(filter 23.05,$(OPENWRT)),,r)$(PKG_RELEASE)

FIELDS:=TITLE SECTION CATEGORY SUBMENU DEPENDS EXTRA_DEPENDS CONFLICTS PROVIDES URL PKGARCH USERID
COMMON:=VERSION PKG_NAME PKG_VERSION PKG_RELEASE PKG_MAINTAINER PKG_LICENSE PKG_LICENSE_FILES PKG_BUILD_DEPENDS
TEXTS:=description conffiles preinst postinst prerm postrm

define Build/Prepare/Default
	mkdir -p $(PKG_BUILD_DIR)
	$(if $(PKG_SOURCE),tar -xf $(DL_DIR)/$(PKG_SOURCE) -C $(PKG_BUILD_DIR) --strip-components=1)
endef

Build/Prepare=$(Build/Prepare/Default)
Build/Configure=
Build/Compile=

define Package/Default
  $(foreach field,$(FIELDS),$(eval $(field):=))
  PKGARCH:=all
endef

.PHONY: built source
source: ; @echo '$(PKG_SOURCE) $(PKG_HASH) $(PKG_SOURCE_URL)'

built:
	rm -rf $(PKG_BUILD_DIR)
	$(call Build/Prepare)
	$(call Build/Configure)
	$(call Build/Compile)

define BuildPackage
  $(eval $(call Package/Default))
  $(eval $(call Package/$(1)))
  $(foreach field,$(FIELDS) $(COMMON),$(eval $(1)/$(field):=$($(field))))

all: package-$(1)
.PHONY: package-$(1) folders-$(1)

folders-$(1): built
	mkdir -p $(OUTPUT)/$(1)/data $(OUTPUT)/$(1)/fields $(OUTPUT)/$(1)/texts

package-$(1): folders-$(1)
	$$(foreach field,$(FIELDS) $(COMMON),$$(file >$(OUTPUT)/$(1)/fields/$$(field),$$($(1)/$$(field))))
	$$(foreach text,$(TEXTS),$$(if $$(filter undefined,$$(origin Package/$(1)/$$(text))),,$$(file >$(OUTPUT)/$(1)/texts/$$(text),$$(Package/$(1)/$$(text)))))
	$$(call Package/$(1)/install,$(OUTPUT)/$(1)/data)
endef
