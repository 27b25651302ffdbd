#!/bin/bash
# Makes target/peers-venv with what the peers need (requirements.txt); what cannot be installed is named, and its peers are skipped.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
venv=${CARGO_TARGET_DIR:-$here/../../target}/peers-venv
done_mark=$venv/requirements.done
cmp -s "$here/requirements.txt" "$done_mark" && exit 0
say() { echo "[peers] $*" >&2; }
if ! python3 -m venv "$venv" >/dev/null 2>&1; then
  say "python3 cannot make a virtual environment (Debian: apt-get install python3-venv): peers are skipped"
  exit 0
fi
say "installing the peers into $venv (some minutes, once)"
failed=
while read -r package; do
  [ -n "$package" ] || continue
  "$venv/bin/pip" install -q --disable-pip-version-check "$package" </dev/null >&2 || { say "$package cannot be installed: its peers are skipped"; failed=yes; }
done <"$here/requirements.txt"
# A second try is made by the next run if something failed.
[ -n "$failed" ] || cp "$here/requirements.txt" "$done_mark"
