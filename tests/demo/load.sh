#!/bin/bash
# Makes the database `demo` anew with the shop's tables; it has its name only once all is there.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec </dev/null
psql -X -q -d postgres -c 'SET client_min_messages = warning' -c 'DROP DATABASE IF EXISTS demo_new WITH (FORCE)' -c 'CREATE DATABASE demo_new'
psql -X -q -d demo_new -P footer=off -f tests/demo/load.sql
psql -X -q -d postgres -c 'SET client_min_messages = warning' -c 'DROP DATABASE IF EXISTS demo WITH (FORCE)' -c 'ALTER DATABASE demo_new RENAME TO demo'
