#!/bin/bash
# stop.sh NAME [--remove]: stops this checkout's private cluster NAME; --remove also deletes its data.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
paths "${1:-}"
if running; then
  say "stopping $name"
  as_server "$bin/pg_ctl" -D "$dir/data" -m fast -w -t 60 stop >/dev/null 2>&1 || as_server "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null
fi
if [ "${2:-}" = --remove ]; then
  rm -rf "$dir" "$home/$name.initdb"
  rmdir "$home" 2>/dev/null || true
fi
