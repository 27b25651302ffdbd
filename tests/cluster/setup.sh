#!/bin/bash
# Installs what building and testing need and this machine lacks; says what it does; does nothing when all is there.
#
# Knows Debian 12 (and 13): a PostgreSQL server with its headers, clang for pgrx's bindings, pg_cron, pgvector. Wants Rust to be there.
# Needs root or sudo only where something is missing. No cluster is created, started, stopped or changed: where PostgreSQL is installed
# afresh, Debian is told not to make its cluster on port 5432.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/newer.sh"
say() { echo "[setup] $*" >&2; }
die() { say "$*"; exit 1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

command -v cargo >/dev/null || die "Rust is missing: install it with rustup, then open a new shell"
for part in fmt clippy; do
  cargo $part --version >/dev/null 2>&1 && continue
  command -v rustup >/dev/null || die "cargo $part is missing"
  say "adding $part to Rust"
  rustup component add "$([ $part = fmt ] && echo rustfmt || echo clippy)" >&2
done

# One set-up at a time: apt would fail on the second, and two checkouts may be tested at once.
exec 9>"/tmp/pg_affinity.setup.$(id -u).lock"
flock 9

codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-unknown}")
updated=
update() {
  [ -z "$updated" ] || return 0
  command -v apt-get >/dev/null || die "only Debian's apt-get is known here: install what is missing by your system's means"
  say "apt-get update"
  as_root apt-get update -qq </dev/null >&2
  updated=yes
}
apt_install() {
  update
  say "installing $*"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" </dev/null >&2
}

# PostgreSQL itself: the version that is asked for (PG), else Debian's own.
there() { pg_config=$("$here/pg_config.sh" 2>/dev/null) && [ -x "$("$pg_config" --bindir)/postgres" ]; }
packaged() { update && apt-cache policy "postgresql-$1" | grep -q 'Candidate: [0-9]'; }
if ! there; then
  [ -z "${PG_CONFIG:-}" ] || die "PG_CONFIG=$PG_CONFIG names no PostgreSQL server"
  case $codename in bookworm) version=15 ;; trixie) version=17 ;; *) die "no PostgreSQL server, and Debian 12 or 13 was expected (this is $codename): install one, or set PG_CONFIG" ;; esac
  version=${PG:-$version}
  if packaged "$version"; then
    drop_in=/etc/postgresql-common/createcluster.d/pg_affinity.conf
    say "PostgreSQL $version is installed without Debian's cluster on port 5432 ($drop_in, removed afterwards)"
    as_root mkdir -p "${drop_in%/*}"
    echo "create_main_cluster = false" | as_root tee "$drop_in" >/dev/null
    trap 'as_root rm -f "$drop_in"' EXIT
    apt_install "postgresql-$version"
    as_root rm -f "$drop_in"
    trap - EXIT
  else
    "$here/server.sh" "$version"
  fi
  there || die "PostgreSQL $version was installed and is not found"
fi
version=$("$pg_config" --version | sed -E 's/^PostgreSQL ([0-9]+).*/\1/')
extensions=$("$pg_config" --sharedir)/extension
# Packages can only be added to Debian's own server, not to one that was built or copied elsewhere.
debian=
case $pg_config in /usr/lib/postgresql/*) debian=yes ;; esac

want=()
[ -f "$("$pg_config" --includedir-server)/postgres.h" ] || want+=("postgresql-server-dev-$version")
command -v clang >/dev/null || want+=(clang)
compgen -G "/usr/lib/llvm-*/lib/libclang*.so*" >/dev/null || compgen -G "/usr/lib/*/libclang*.so*" >/dev/null || want+=(libclang-dev)
command -v cc >/dev/null && command -v make >/dev/null || want+=(build-essential)
command -v gzip >/dev/null || want+=(gzip)
if [ ! -f "$extensions/pg_cron.control" ]; then
  if [ -n "$debian" ]; then want+=("postgresql-$version-cron"); else say "no pg_cron beside $pg_config, and it cannot be added by a package: its tests will be skipped"; fi
fi
[ ${#want[@]} = 0 ] || apt_install "${want[@]}"

# pgvector: no package in Debian 12, but Debian 13's source builds there.
if [ ! -f "$extensions/vector.control" ]; then
  if [ "$codename" = trixie ] && [ -n "$debian" ]; then
    apt_install "postgresql-$version-pgvector"
  else
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    chmod 755 "$work"
    say "building pgvector from Debian 13's source package"
    newer trixie "$work"
    (cd "$work" && apt-get "${newer[@]}" source --download-only pgvector </dev/null >&2 && mkdir src && tar -xf pgvector_*.orig.tar.* -C src --strip-components=1)
    make -s -C "$work/src" PG_CONFIG="$pg_config" OPTFLAGS="" -j"$(nproc)" >"$work/log" 2>&1 || { tail -n 30 "$work/log" >&2; die "pgvector did not build"; }
    as_root make -s -C "$work/src" PG_CONFIG="$pg_config" OPTFLAGS="" install >"$work/log" 2>&1 || { tail -n 30 "$work/log" >&2; die "pgvector could not be installed"; }
  fi
fi
say "ready: $("$pg_config" --version), $pg_config"
