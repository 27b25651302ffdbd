#!/bin/bash
# standby.sh NAME: makes and starts a standby of this checkout's private cluster NAME, called NAME_standby, and prints its connection string
# (without dbname). stop.sh stops it.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
paths "${1:-}"
primary=$dsn
paths "${name}_standby"
mkdir -m 700 "$dir"
if [ "$(id -u)" = 0 ]; then chown "$server_user" "$dir"; fi
as_server "$bin/pg_basebackup" -d "$primary" -D "$dir/data" -R -c fast -X stream >&2
as_server tee -a "$dir/data/postgresql.conf" >/dev/null <<<"unix_socket_directories = '$dir'"
as_server "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w -t 60 start >/dev/null </dev/null || { tail -n 30 "$dir/log" >&2; die "the standby did not start"; }
echo "$dsn"
