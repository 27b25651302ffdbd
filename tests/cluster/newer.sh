# Sourced: the packages of a newer Debian, for what this one has none of. Its source list is this machine's own with the name changed.

# newer SUITE FOLDER: fetches the lists of Debian SUITE into FOLDER; ${newer[@]} are then the options by which apt reads those instead of its own.
newer() {
  local suite=$1 folder=$2 codename list
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-unknown}")
  mkdir -p "$folder/parts" "$folder/lists/partial" "$folder/cache/archives/partial"
  for list in /etc/apt/sources.list.d/*.sources; do
    [ -f "$list" ] && grep -qw "$codename" "$list" || continue
    sed -E "s/\b$codename\b/$suite/g; s/^Types:.*/Types: deb deb-src/" "$list" >"$folder/parts/${list##*/}"
  done
  for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -f "$list" ] || continue
    sed -nE "/^deb .*\b$codename\b/{s/\b$codename\b/$suite/g; p; s/^deb /deb-src /; p}" "$list" >"$folder/parts/$(basename "$list" .list)-newer.list"
  done
  newer=(-qq -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$folder/parts" -o Dir::State::lists="$folder/lists" -o Dir::State::status=/dev/null
    -o Dir::Cache="$folder/cache" -o APT::Sandbox::User=root)
  apt-get "${newer[@]}" update </dev/null >&2
}
