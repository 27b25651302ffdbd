#!/bin/bash
# start.sh NAME: starts this checkout's private cluster NAME, made if it is not there, and prints its connection string (without dbname).
# It listens on no network port, only on a socket in a folder that its own user and root can enter.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
paths "${1:-}"

make_cluster() {
  for d in "$home" "$dir"; do
    [ -L "$d" ] && die "$d is a symbolic link"
    [ -d "$d" ] || mkdir -m 700 "$d"
    if [ "$(id -u)" = 0 ]; then chown "$server_user" "$d"; fi
    [ "$(stat -c %U "$d")" = "$server_user" ] || die "$d belongs to $(stat -c %U "$d")"
  done
  rm -rf "$dir/data"
  as_server "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$home/$name.initdb" 2>&1 ||
    { cat "$home/$name.initdb" >&2; die "initdb failed"; }
  # A query's leader takes part: one worker less than there are cores, and no more than Postgres's default.
  workers=$(($(nproc) - 1))
  workers=$((workers < 1 ? 1 : workers > 2 ? 2 : workers))
  # The data can be made again, so nothing waits for a disk. max_parallel_maintenance_workers stays at its default: it is ours too.
  as_server tee -a "$dir/data/postgresql.conf" >/dev/null <<CONF
listen_addresses = ''
unix_socket_directories = '$dir'
fsync = off
synchronous_commit = off
full_page_writes = off
max_wal_size = 4GB
shared_buffers = 256MB
max_connections = 60
max_worker_processes = 16
max_parallel_workers_per_gather = $workers
jit = off
wal_level = logical
log_line_prefix = '%m [%p] %q%u@%d '
shared_preload_libraries = '$preload'
CONF
  if [ -n "$preload" ]; then
    as_server tee -a "$dir/data/postgresql.conf" >/dev/null <<CONF
cron.use_background_workers = on
cron.database_name = 'postgres'
CONF
  fi
}

if ! running; then
  preload=
  if [ -f "$("$PG_CONFIG" --sharedir)/extension/pg_cron.control" ]; then preload=pg_cron; else say "no pg_cron beside $PG_CONFIG: its tests are skipped"; fi
  if [ -f "$dir/data/postgresql.auto.conf" ]; then
    say "starting $name in $dir"
  else
    say "making and starting $name in $dir"
    make_cluster
  fi
  as_server "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w -t 60 start >/dev/null </dev/null || { tail -n 30 "$dir/log" >&2; die "the server did not start"; }
fi
echo "$dsn"
