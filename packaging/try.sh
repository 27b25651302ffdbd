#!/bin/bash
# try.sh SUITE DEB: installs a package in a Debian SUITE (bookworm, trixie) that holds nothing else, trains and scores with it, and removes it again. Wants root,
# for the folder that the system is made in and left for; nothing of this machine is changed.
set -euo pipefail
suite=${1:?Debian suite} deb=$(realpath "${2:?package}")
say() { echo "[$suite] $*" >&2; }
die() { say "$*"; exit 1; }
[ "$(id -u)" = 0 ] || die "only root can make a system in a folder"
command -v debootstrap >/dev/null || { say "installing debootstrap"; apt-get update -qq </dev/null >&2; apt-get install -y -qq --no-install-recommends debootstrap </dev/null >&2; }

# This machine's own mirror.
mirror=$(sed -nE 's/^URIs: ([^ ]*\/debian)\/?$/\1/p; s/^deb (\[[^]]*\] )?([^ ]*\/debian)\/? .*/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1 || true)
[ -n "$mirror" ] || die "no mirror of Debian is among this machine's sources"
system=$(mktemp -d /var/tmp/pg_affinity.try.XXXXXX)
inside() { chroot "$system" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive ${http_proxy:+http_proxy="$http_proxy"} "$@" </dev/null; }
leave() {
  status=$?
  trap - EXIT
  if [ -x "$system/usr/bin/pg_ctlcluster" ]; then for c in "$system"/etc/postgresql/*/main; do inside pg_ctlcluster "$(basename "$(dirname "$c")")" main stop -m immediate 2>/dev/null || true; done; fi
  umount "$system/proc" 2>/dev/null || true
  mountpoint -q "$system/proc" || rm -rf --one-file-system "$system"
  exit $status
}
trap leave EXIT
trap 'exit 130' INT TERM HUP

# The server runs as postgres, and has to enter it.
chmod 755 "$system"
say "making a system"
# One that is younger than debootstrap is made as sid is.
script=$([ -e "/usr/share/debootstrap/scripts/$suite" ] || echo sid)
debootstrap --variant=minbase "$suite" "$system" "$mirror" $script >"$system.log" 2>&1 || { tail -n 20 "$system.log" >&2; die "debootstrap failed"; }
rm -f "$system.log"
mount -t proc proc "$system/proc"
for c in /etc/apt/apt.conf.d/*; do grep -qi proxy "$c" && cp "$c" "$system/etc/apt/apt.conf.d/"; done || true
printf '#!/bin/sh\nexit 101\n' >"$system/usr/sbin/policy-rc.d"
chmod 755 "$system/usr/sbin/policy-rc.d"
cp /etc/hosts "$system/etc/hosts"
cp "$deb" "$system/tmp/it.deb"

say "installing $(basename "$deb")"
inside apt-get update -qq >&2
inside apt-get install -y -qq --no-install-recommends /tmp/it.deb >"$system/tmp/log" 2>&1 || { tail -n 20 "$system/tmp/log" >&2; die "it cannot be installed"; }
version=$(ls "$system/usr/lib/postgresql")
[ -d "$system/etc/postgresql/$version/main" ] || inside pg_createcluster "$version" main >&2
inside pg_ctlcluster "$version" main start
for _ in $(seq 50); do inside runuser -u postgres -- psql -qAtc "SELECT 1" >/dev/null 2>&1 && break; sleep 0.2; done

say "training and scoring"
cat >"$system/tmp/try.sql" <<'SQL'
CREATE EXTENSION pg_affinity;
SELECT extversion = affinity.version() AS one_version FROM pg_extension WHERE extname = 'pg_affinity' \gset
\if :one_version
\else
  \echo the script is of another version than the library
  \quit
\endif
CREATE TABLE visits AS SELECT i % 10 AS pages, i % 7 AS weekday, (i % 10) + i % 3 > 5 AS bought FROM generate_series(1, 1000) i;
CREATE TABLE orders AS SELECT u AS user_id, (u + 2 * s) % 24 AS item_id, timestamptz '2026-01-01' + s * interval '4 days' AS at
  FROM generate_series(1, 80) u, generate_series(0, 5) s;
SELECT deployed FROM affinity.train('bought', 'visits', 'bought', params => '{"epochs": 10}');
SELECT deployed FROM affinity.train_recommender('shop', 'orders', 'ease', time_col => 'at');
SELECT 'scores: ' || (count(*) = 1000 AND bool_and(p BETWEEN 0 AND 1) AND avg(p) FILTER (WHERE bought) > avg(p) FILTER (WHERE NOT bought))
FROM (SELECT bought, affinity.predict('bought', v) AS p FROM visits v) s;
SELECT 'lists: ' || (count(*) = 4 AND bool_and(source = 'ease')) FROM affinity.recommend('shop', 7, k => 4);
SELECT 'findings: ' || count(*) FROM affinity.check();
DROP EXTENSION pg_affinity;
SQL
said=$(inside runuser -u postgres -- psql -XqAt -v ON_ERROR_STOP=1 -f /tmp/try.sql 2>"$system/tmp/log") || { cat "$system/tmp/log" >&2; die "the SQL failed"; }
[ "$said" = $'t\nt\nscores: true\nlists: true\nfindings: 0' ] || die "unexpected answers: $said"
inside apt-get remove -y -qq "$(dpkg-deb -f "$deb" Package)" >/dev/null 2>&1
left=$(find "$system/usr" -name '*pg_affinity*')
[ -z "$left" ] || die "left behind: $left"
say "installed, tried on PostgreSQL $(chroot "$system" "/usr/lib/postgresql/$version/bin/postgres" --version | sed -E 's/^[^0-9]*([0-9.]+).*/\1/'), removed: all well"
