#!/usr/bin/env bash
# The programs of others that decide in tests/interop whether our signals and captures are right: Debian packages.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

missing=()
need() {  # need PROGRAM PACKAGE
  command -v "$1" >/dev/null || missing+=("$2")
}
need atest direwolf
need multimon-ng multimon-ng
need sox sox
need tshark tshark
[ ${#missing[@]} -eq 0 ] || debian_install "${missing[@]}"
