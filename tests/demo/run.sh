#!/bin/bash
# The demo, on the cluster that PGHOST names: a small shop is loaded into the database `demo`, models are trained, answers are shown.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PAGER=cat
start=$SECONDS
tests/demo/load.sh
# One session: the other parts ask about the household that the first has chosen.
psql -X -q -d demo -P footer=off -f tests/demo/behaviour.sql -f tests/demo/profile.sql -f tests/demo/recommend.sql -f tests/demo/tags.sql </dev/null
tests/demo/report.sh
echo "The demo took $((SECONDS - start)) s. Look around in its tables and models with: make psql"
