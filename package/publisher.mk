# Who publishes the packages, and where their source is: in each package's data, as opkg, apk and LuCI show them.
# These are placeholders: set both before you publish a feed (docs/install.md).

HOMELINE_MAINTAINER:=Homeline developers <homeline@example.org>
HOMELINE_URL:=https://example.org/homeline
