#!/bin/bash
# with.sh [--fresh] NAME COMMAND…: runs COMMAND with this checkout's private cluster NAME up. PGHOST, PGPORT and PGUSER point at it, and
# AFFINITY_TEST is its connection string. The cluster is stopped at the end, also after a failure, if it was not up before.
# --fresh starts from an empty one and deletes it at the end; the server's log is shown when COMMAND failed.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
fresh=
if [ "${1:-}" = --fresh ]; then fresh=--remove; shift; fi
paths "${1:-}"
shift
was_running=
if [ -n "$fresh" ]; then "$here/stop.sh" "$name" --remove; elif running; then was_running=yes; fi

finish() {
  status=$?
  trap - EXIT
  if [ -n "$fresh" ] && [ "$status" != 0 ]; then
    say "failed; the end of the server's log:"
    tail -n "${LOG_LINES:-60}" "$dir/log" >&2 || true
  fi
  [ -n "$was_running" ] || "$here/stop.sh" "$name" $fresh
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

"$here/start.sh" "$name" >/dev/null
export PG_CONFIG PGHOST=$dir PGPORT=5432 PGUSER=postgres AFFINITY_TEST=$dsn
unset PGDATABASE PGPASSWORD PGSERVICE PGOPTIONS
export PATH="$bin:$PATH"
"$@"
