#!/bin/bash
# Installs drivers of PostgreSQL into target/drivers: psycopg and asyncpg (python3, pip), node-postgres (npm), pgjdbc (Debian's package, unpacked, and
# java). What cannot be had is named, and tests/drivers.rs skips it.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
drivers=${CARGO_TARGET_DIR:-$here/../../target}/drivers
mkdir -p "$drivers"
say() { echo "[drivers] $*" >&2; }
lacks() { say "$1 is skipped: $2"; }

if ! "$drivers/python/bin/python" -c 'import psycopg, asyncpg' 2>/dev/null; then
  if python3 -m venv "$drivers/python" >/dev/null 2>&1; then
    for package in 'psycopg[binary]==3.2.*' 'asyncpg==0.30.*'; do
      say "installing $package"
      "$drivers/python/bin/pip" install -q --disable-pip-version-check "$package" </dev/null >&2 || lacks "$package" "pip cannot install it"
    done
  else
    lacks "psycopg, asyncpg" "python3 cannot make a virtual environment (Debian: apt-get install python3-venv)"
  fi
fi

if [ ! -d "$drivers/node_modules/pg" ]; then
  if command -v node >/dev/null && command -v npm >/dev/null; then
    say "installing node-postgres"
    npm install --silent --no-audit --no-fund --prefix "$drivers" pg@8 </dev/null >&2 || lacks node-postgres "npm cannot install it"
  else
    lacks node-postgres "node or npm is missing"
  fi
fi

if [ ! -e "$drivers/pgjdbc.jar" ]; then
  if ! command -v java >/dev/null; then
    lacks pgjdbc "java is missing"
  elif jar=/usr/share/java/postgresql.jar && [ -e "$jar" ]; then
    cp "$jar" "$drivers/pgjdbc.jar"
  elif command -v apt-get >/dev/null; then
    say "fetching pgjdbc"
    unpacked=$(mktemp -d)
    (cd "$unpacked" && apt-get download -qq libpostgresql-jdbc-java </dev/null >&2 && dpkg -x ./*.deb .) \
      && cp -L "$unpacked/usr/share/java/postgresql.jar" "$drivers/pgjdbc.jar" || lacks pgjdbc "apt-get cannot fetch libpostgresql-jdbc-java"
    rm -rf "$unpacked"
  else
    lacks pgjdbc "only Debian's package of it is known here"
  fi
fi
exit 0
