#!/bin/sh
# Prints the path of the pg_config to build for: $PG_CONFIG, else that of PostgreSQL $PG (17), else the newest PostgreSQL server of Debian's packages, else the
# one on PATH.
if [ -n "${PG_CONFIG:-}" ]; then
  command -v "$PG_CONFIG" || { echo "PG_CONFIG=$PG_CONFIG cannot be run" >&2; exit 1; }
  exit
fi
if [ -n "${PG:-}" ]; then
  # Debian's packages, what server.sh unpacks, other distributions' packages.
  for b in "/usr/lib/postgresql/$PG/bin" "/usr/local/lib/postgresql/$PG/bin" "/usr/pgsql-$PG/bin"; do
    [ -x "$b/postgres" ] && [ -x "$b/pg_config" ] && { echo "$b/pg_config"; exit; }
  done
  echo "no PostgreSQL $PG server found: run tests/cluster/setup.sh, or set PG_CONFIG" >&2
  exit 1
fi
newest=$(for b in /usr/lib/postgresql/*/bin; do [ -x "$b/postgres" ] && [ -x "$b/pg_config" ] && echo "$b/pg_config"; done | sort -V | tail -n 1)
[ -n "$newest" ] && { echo "$newest"; exit; }
command -v pg_config && exit
echo "no PostgreSQL server found: run tests/cluster/setup.sh, or set PG_CONFIG" >&2
exit 1
