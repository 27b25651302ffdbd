# Sourced by the scripts of this folder: where a private cluster lives and who runs it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

say() { echo "[cluster] $*" >&2; }
die() { say "$*"; exit 1; }

# Folders are named by checkout and server, so that two of either never meet. In /tmp, not below the checkout: the path of a unix socket
# is limited to 107 bytes, and the server's user may not be able to enter the checkout.
paths() {
  name=${1:?name of the cluster}
  PG_CONFIG=$("$here/pg_config.sh")
  bin=$("$PG_CONFIG" --bindir)
  home=/tmp/pg_affinity.$(id -u).$(echo "$root $PG_CONFIG" | cksum | cut -d' ' -f1)
  dir=$home/$name
  dsn="host=$dir port=5432 user=postgres"
}

# A PostgreSQL server refuses to run as root: root hands it to the OS user that Debian's packages make for it.
if [ "$(id -u)" = 0 ]; then
  server_user=postgres
  as_server() { (cd / && runuser -u "$server_user" -- env -i PATH="$PATH" LC_ALL=C.UTF-8 "$@"); }
else
  server_user=$(id -un)
  as_server() { (cd / && env -i PATH="$PATH" HOME="$HOME" LC_ALL=C.UTF-8 "$@"); }
fi

running() { [ -f "$dir/data/postmaster.pid" ] && as_server "$bin/pg_ctl" -D "$dir/data" status >/dev/null 2>&1; }
