#!/bin/bash
# Writes the pages of two of the demo's models into a folder (REPORTS, else target/reports), and says where.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec </dev/null
folder=${REPORTS:-target/reports}
mkdir -p "$folder"
page() {
  psql -X -A -t -q -d demo -v ON_ERROR_STOP=1 -c 'SET client_min_messages = warning' -c "SELECT affinity.report($2)" >"$folder/$1.html.new"
  mv "$folder/$1.html.new" "$folder/$1.html"
}
echo
echo "== Pages to look at in a browser:"
page predict "'buys_again', 'habits_december'"
echo "   will a household buy again:    $(cd "$folder" && pwd)/predict.html"
page recommend "'taste', titles => 'assortment'"
echo "   what it may like, in lists:    $(cd "$folder" && pwd)/recommend.html"
