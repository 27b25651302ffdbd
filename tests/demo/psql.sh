#!/bin/bash
# psql in the demo's database on the cluster that PGHOST names; the shop's tables are loaded if `make demo` has not run yet.
set -euo pipefail
if [ "$(psql -X -At -d postgres -c "SELECT 1 FROM pg_database WHERE datname = 'demo'" </dev/null)" != 1 ]; then
  "$(dirname "$0")/load.sh" >&2
fi
exec psql -d demo
