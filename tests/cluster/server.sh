#!/bin/bash
# server.sh VERSION: PostgreSQL 17 or 18 with pg_cron and pgvector from a newer Debian's packages, unpacked into /usr/local/lib/postgresql/VERSION with the
# libraries that they need, for a Debian that has no package of it. Nothing of the system is changed. Done once.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/newer.sh"
say() { echo "[server] $*" >&2; }
die() { say "$*"; exit 1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

version=${1:?version of PostgreSQL}
case $version in
  17) suite=trixie ;;
  18) suite=forky ;;
  *) die "no newer Debian has PostgreSQL $version: install a server, and set PG_CONFIG" ;;
esac
command -v apt-get >/dev/null || die "only Debian's packages are known here: install PostgreSQL $version by your system's means, and set PG_CONFIG"
command -v patchelf >/dev/null || { as_root apt-get update -qq </dev/null >&2; as_root apt-get install -y -qq --no-install-recommends patchelf </dev/null >&2; }
architecture=$(dpkg --print-architecture)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

say "unpacking PostgreSQL $version from Debian $suite"
newer "$suite" "$work" || die "Debian $suite cannot be reached"
wanted=("postgresql-$version" "postgresql-$version-cron" "postgresql-$version-pgvector")
# Of what these depend on the libraries, without the compiler for jit.
libraries=$(apt-cache "${newer[@]}" depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances "${wanted[@]}" |
  grep -E '^lib' | grep -vE '^lib(llvm|z3|perl)|-perl$' | sort -u)
mkdir "$work/packages" "$work/root"
(cd "$work/packages" && apt-get "${newer[@]}" download "${wanted[@]}" "postgresql-client-$version" "postgresql-server-dev-$version" $libraries </dev/null >&2) ||
  die "not all packages can be had"
for package in "$work"/packages/*.deb; do dpkg -x "$package" "$work/root"; done

# Each program takes these libraries, its loader too, and no others: those of this system are older.
root=/usr/local/lib/postgresql/$version/root
libs=usr/lib/$(cd "$work/root/usr/lib" && ls -d ./*-linux-gnu* | sed 's,^\./,,')
loader=$(cd "$work/root/$libs" && ls ld-linux*.so.* | head -n 1)
for program in "$work/root/usr/lib/postgresql/$version"/bin/*; do
  patchelf --set-interpreter "$root/$libs/$loader" --force-rpath --set-rpath "$root/$libs" "$program" 2>/dev/null || true
done
as_root rm -rf "/usr/local/lib/postgresql/$version"
as_root mkdir -p "/usr/local/lib/postgresql/$version"
as_root cp -a "$work/root" "$root"
as_root ln -s "root/usr/lib/postgresql/$version/bin" "/usr/local/lib/postgresql/$version/bin"
say "ready: $("$root/usr/lib/postgresql/$version/bin/postgres" --version), $architecture"
