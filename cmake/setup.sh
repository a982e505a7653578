#!/bin/sh
# Sees to it that the packages of packages-debian.txt are installed: as root it installs what is missing; otherwise it prints
# the command that does, and fails. Optional packages are never asked for. Nothing else is touched.
set -eu
list=$(dirname "$0")/packages-debian.txt

if ! command -v dpkg-query >/dev/null 2>&1; then
  echo "This is not a Debian system: please see to these yourself, or use a Debian 12 container:" >&2
  grep -v '^#' "$list" >&2
  exit 0
fi

missing=
for package in $(grep -v -e '^#' -e '# optional' "$list" | cut -d' ' -f1); do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
  echo "Installing$missing" >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >&2
  # shellcheck disable=SC2086 # a list of words
  apt-get install -qq -y --no-install-recommends $missing >&2
else
  {
    echo "Some packages are missing. Please run"
    echo
    echo "    sudo apt-get install --no-install-recommends$missing"
    echo
    echo "and start again."
  } >&2
  exit 1
fi
