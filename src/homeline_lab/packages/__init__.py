"""OpenWrt packages out of the recipes in `package/`, without the SDK: `make ipk`, `make apk`, `make sizes`."""
