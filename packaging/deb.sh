#!/bin/bash
# deb.sh: the Debian package of the library that `make install` builds, for the PostgreSQL that PG or PG_CONFIG names, into target/. Called by `make deb`.
#
# Made by hand from one list of files, as the Makefile installs them: no debhelper, no cargo-deb. What the library needs of the system is read from it.
set -euo pipefail
cd "$(dirname "$0")/.."
say() { echo "[deb] $*" >&2; }
die() { say "$*"; exit 1; }
for tool in dpkg-deb dpkg-shlibdeps strip; do command -v $tool >/dev/null || die "$tool is missing: apt-get install build-essential"; done

pg_config=$(tests/cluster/pg_config.sh)
server=$("$pg_config" --version | sed -E 's/^PostgreSQL ([0-9]+).*/\1/')
version=$(sed -n "s/^default_version = '\(.*\)'/\1/p" pg_affinity.control)-1
name=postgresql-$server-pg-affinity
architecture=$(dpkg --print-architecture)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/debian/$name
umask 022

# Where Debian's packages of the server have these, wherever the server that it was built with stands.
made=$work/made
make --no-print-directory install DESTDIR="$made" >&2
install -D -m 644 "$made$("$pg_config" --pkglibdir)/pg_affinity.so" "$root/usr/lib/postgresql/$server/lib/pg_affinity.so"
strip --strip-unneeded "$root/usr/lib/postgresql/$server/lib/pg_affinity.so"
mkdir -p "$root/usr/share/postgresql/$server/extension" "$root/usr/share/doc/$name" "$root/DEBIAN"
cp "$made$("$pg_config" --sharedir)"/extension/pg_affinity* "$root/usr/share/postgresql/$server/extension/"
{
  echo "pg_affinity: its source is under the licence below; the packages of Rust that the library holds follow with theirs."
  echo
  cat LICENSE THIRD_PARTY.md
} >"$root/usr/share/doc/$name/copyright"
gzip -9n <CHANGELOG.md >"$root/usr/share/doc/$name/changelog.gz"
chmod 644 "$root/usr/share/doc/$name/changelog.gz"

# dpkg-shlibdeps wants a source package around it.
printf 'Source: pg-affinity\nMaintainer: x <x@x>\n\nPackage: %s\nArchitecture: %s\nDescription: x\n' "$name" "$architecture" >"$work/debian/control"
needs=$(cd "$work" && dpkg-shlibdeps -O "debian/$name/usr/lib/postgresql/$server/lib/pg_affinity.so" 2>/dev/null | sed -n 's/^shlibs:Depends=//p')
[ -n "$needs" ] || die "what the library needs cannot be read"
cat >"$root/DEBIAN/control" <<CONTROL
Package: $name
Version: $version
Architecture: $architecture
Maintainer: The maintainers of pg_affinity <pg_affinity@localhost>
Section: database
Priority: optional
Depends: postgresql-$server, $needs
Installed-Size: $(du -sk "$root/usr" | cut -f1)
Description: recommendations and predictions inside PostgreSQL $server
 An extension that learns from the orders where they already are: models of rows
 and recommenders are trained by SQL on your tables, stored as rows, and score
 inside your queries. Nothing is preloaded, nothing restarts:
 CREATE EXTENSION pg_affinity, as a superuser, once in each database.
CONTROL
(cd "$root" && find usr -type f -print0 | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
mkdir -p target
file=target/${name}_${version}_$architecture.deb
dpkg-deb --root-owner-group -Zxz --build "$root" "$file" >/dev/null
say "$(du -h "$file" | cut -f1) for $needs"
echo "$file"
