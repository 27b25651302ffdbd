#!/bin/bash
# make.sh VERSION: trains the shop's models with the release that is installed and dumps them, with what they answer, into VERSION.sql.gz. Once a release;
# in an empty cluster: tests/cluster/with.sh --fresh upgrade tests/upgrade/make.sh 0.1.0
set -euo pipefail
cd "$(dirname "$0")"
run() { psql -qX -v ON_ERROR_STOP=1 "$@"; }
export PGOPTIONS="-c TimeZone=UTC -c client_min_messages=warning"
run -d postgres -c "CREATE ROLE upgrade_owner" -c "CREATE ROLE upgrade_web" -c "CREATE DATABASE upgrade_shop"
run -d upgrade_shop -c "CREATE EXTENSION pg_affinity VERSION '$1'" -f tables.sql -f models.sql >/dev/null
{ echo "INSERT INTO shop.expected SELECT question, key, answer FROM ("; cat answers.sql; echo ") a ORDER BY 1, 2"; } | run -d upgrade_shop
# What psql alone understands (\restrict) is left out: a client runs it.
pg_dump -d upgrade_shop --data-only --inserts --rows-per-insert=100 | grep -v '^\\' | gzip -9n >"$1.sql.gz"
run -d upgrade_shop -Atc "SELECT count(*) || ' answers of ' || (SELECT count(*) FROM affinity.versions) || ' versions' FROM shop.expected"
ls -l "$1.sql.gz"
