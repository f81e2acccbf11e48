# Stands for OpenWrt's /lib/functions.sh: what the packages' scripts use of it, with what its documentation says it does.
# shellcheck shell=dash

config_load() {
	CONFIG_SECTIONS=""
	eval "$(uci -q show "$1" | sed -n -e "s/' '/ /g" \
		-e "s/^$1\\.\\([A-Za-z0-9_]*\\)=\\(.*\\)/CONFIG_SECTIONS=\"\$CONFIG_SECTIONS \\1\"; CONFIG_\\1_TYPE=\\2/p" \
		-e "s/^$1\\.\\([A-Za-z0-9_]*\\)\\.\\([A-Za-z0-9_]*\\)=\\(.*\\)/CONFIG_\\1_\\2=\\3/p")"
}

config_get() {
	eval "$1=\"\${CONFIG_$2_$3:-$4}\""
}

config_get_bool() {
	config_get "$1" "$2" "$3" "$4"
	eval "case \"\$$1\" in 1 | on | true | yes | enabled) $1=1 ;; 0 | off | false | no | disabled) $1=0 ;; *) $1=$4 ;; esac"
}

config_foreach() {
	local each kind

	for each in $CONFIG_SECTIONS; do
		eval "kind=\$CONFIG_${each}_TYPE"
		[ "$kind" != "$2" ] || "$1" "$each"
	done
}

user_exists() { grep -qs "^$1:" /etc/passwd; }
group_exists() { grep -qs "^$1:" /etc/group; }

group_add_user() {
	sed -i -e "/^$1:/{/[:,]$2\\(,\\|\$\\)/!{s/:\$/:$2/;t;s/\$/,$2/}}" /etc/group
}

# Require-User: USER:GROUP of a package's control file; both get the first free number from 65536 on, in one.
_make_user() {
	local id=65536

	[ -n "$1" ] || return 0
	while grep -q ":$id:" /etc/passwd /etc/group; do id=$((id + 1)); done
	group_exists "${1#*:}" || echo "${1#*:}:x:$id:" >>/etc/group
	if ! user_exists "${1%:*}"; then
		echo "${1%:*}:x:$id:$(sed -n "s/^${1#*:}:x:\\([0-9]*\\):.*/\\1/p" /etc/group):${1%:*}:/var/run/${1%:*}:/bin/false" >>/etc/passwd
		echo "${1%:*}:x:0:0:99999:7:::" >>/etc/shadow
	fi
	group_add_user "${1#*:}" "${1%:*}"
}

_users() {
	if [ -f "/lib/apk/packages/$1.rusers" ]; then
		cat "/lib/apk/packages/$1.rusers"
	else
		sed -n 's/^Require-User: *//p' "/usr/lib/opkg/info/$1.control" 2>/dev/null
	fi
}

# _listed NAME FOLDER: the package's files there.
_listed() {
	grep -hs "^$2/" "/lib/apk/packages/$1.list" "/usr/lib/opkg/info/$1.list"
}

# A script of apk has the package's own part at its end, and calls this by itself.
add_group_and_user() { _make_user "$(_users "$pkgname")"; }

_own_script() {
	[ ! -f "/usr/lib/opkg/info/$1" ] || (. "/usr/lib/opkg/info/$1")
}

default_postinst() {
	local name="${1##*/}" file result

	name="${pkgname:-${name%.*}}"
	_make_user "$(_users "$name")"
	for file in $(_listed "$name" /etc/uci-defaults); do
		[ ! -f "$file" ] || { (cd /etc/uci-defaults && . "$file") && rm -f "$file"; }
	done
	_own_script "$name.postinst-pkg"
	result=$?
	for file in $(_listed "$name" /etc/init.d); do
		[ "$PKG_UPGRADE" = 1 ] || "$file" enable
		"$file" start
	done
	return $result
}

default_prerm() {
	local name="${1##*/}" file result

	name="${pkgname:-${name%.*}}"
	_own_script "$name.prerm-pkg"
	result=$?
	for file in $(_listed "$name" /etc/init.d); do
		[ "$PKG_UPGRADE" = 1 ] || "$file" disable
		"$file" stop
	done
	return $result
}
