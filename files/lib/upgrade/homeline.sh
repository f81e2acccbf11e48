# shellcheck shell=dash
# What sysupgrade keeps of Homeline beside lib/upgrade/keep.d/homeline: the inbox. Read by sysupgrade itself.
#
# A running service has its database open and writes to it, so it is asked for a copy, which then goes into the archive in
# place of the database. At its next start without a database the service takes the copy (the init script does).
# Without a running service the database's files are at rest and go as they are.

# homeline_keep FILE: edits sysupgrade's list of files, a path a line.
homeline_keep() {
	local database copy file

	database="$(uci -q get homeline.main.database || echo /etc/homeline/homeline.db)"
	case "$database" in
	/etc/*) ;;
	*) return 0 ;; # on a disk, which the upgrade leaves alone
	esac
	copy="$database.copy"
	[ ! -f "$1" ] || sed -i -e "\\,^$database,d" "$1"
	if ubus -t 60 call homeline backup >/dev/null 2>&1 && [ -f "$copy" ]; then
		echo "$copy" >>"$1"
		return 0
	fi
	for file in "$database" "$database-wal" "$database-journal"; do
		[ ! -f "$file" ] || echo "$file" >>"$1"
	done
}

# shellcheck disable=SC2034  # sysupgrade runs what this names
sysupgrade_init_conffiles="$sysupgrade_init_conffiles homeline_keep"
