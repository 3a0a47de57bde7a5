#!/usr/bin/env bash
# toolchain.sh [32] [coverage] [rp2] [bench]: what compiles them, as Debian packages; then host_tools/toolchain builds them.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

parts="${*:-32 coverage rp2}"
wanted() { [[ " $parts " == *" $1 "* ]]; }

missing=()
need() {  # need PROGRAM PACKAGE
  command -v "$1" >/dev/null || missing+=("$2")
}
arm_has() {  # arm_has COMPILER FILE: it ships with the compiler's library
  command -v "$1" >/dev/null && [[ "$("$1" -print-file-name="$2")" == */* ]]
}

command -v apt-get >/dev/null ||
  die "the toolchain is built from Debian's source packages, by apt-get: this system has none. Use Debian 12 or newer, or Ubuntu"
need make make
need gcc gcc
need xz xz-utils
need dpkg-deb dpkg
if wanted 32; then
  case "$(uname -m)" in
    x86_64 | i?86) ;;
    *) die "the 32-bit unix port needs gcc -m32, which $(uname -m) does not have: build it on x86-64, or name the parts you need:  make toolchain PARTS='coverage rp2'" ;;
  esac
  echo 'int main(void) { return 0; }' | gcc -m32 -x c -o /dev/null - 2>/dev/null || missing+=(gcc-multilib)
fi
if wanted rp2 || wanted bench; then
  need g++ g++
  need cmake cmake
  need arm-none-eabi-gcc gcc-arm-none-eabi
  arm_has arm-none-eabi-gcc nano.specs || missing+=(libnewlib-arm-none-eabi)
  arm_has arm-none-eabi-g++ libstdc++.a || missing+=(libstdc++-arm-none-eabi-newlib)
fi
[ ${#missing[@]} -eq 0 ] || debian_install "${missing[@]}"
# shellcheck disable=SC2086  # a list of words
PYTHONPATH=host_tools exec .venv/bin/python -m toolchain $parts
