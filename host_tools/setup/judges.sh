#!/usr/bin/env bash
# The programs of others that decide in tests/interop whether our signals, packets and captures are right: Debian
# packages, and a CSP node in Python.
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
need node nodejs
need npm npm
[ ${#missing[@]} -eq 0 ] || debian_install "${missing[@]}"

# Kaitai Struct's compiler (GPL), which runs on node: tests compile our .ksy files with it.
KAITAI=kaitai-struct-compiler@0.10.0
KAITAI_DIR=.cache/kaitai
if ! grep -qsx "$KAITAI" "$KAITAI_DIR/stamp"; then
  say "installing $KAITAI"
  rm -rf "$KAITAI_DIR"
  mkdir -p "$KAITAI_DIR"
  npm install --prefix "$KAITAI_DIR" --ignore-scripts --no-audit --no-fund --loglevel=error "$KAITAI" >&2 </dev/null ||
    die "npm could not install $KAITAI (above). Is a package registry reachable? Then try again"
  echo "$KAITAI" >"$KAITAI_DIR/stamp"
fi

# KP Labs' CSP node (MIT). It asks for Python 3.12 but runs on 3.11; in a folder of its own, since only tests may see it.
CSP_PY=cubesat-space-protocol-py==1.5.2
CSP_PY_DIR=.cache/csp_py
if ! grep -qsx "$CSP_PY" "$CSP_PY_DIR/stamp"; then
  say "installing $CSP_PY"
  rm -rf "$CSP_PY_DIR"
  .venv/bin/python -m pip install -qq --disable-pip-version-check --no-deps --only-binary :all: --ignore-requires-python \
    --target "$CSP_PY_DIR" "$CSP_PY" || die "pip could not install $CSP_PY (above)"
  echo "$CSP_PY" >"$CSP_PY_DIR/stamp"
fi

# labgrid (LGPL) reads the files that `dragonet bench labgrid` writes. In a folder of its own: it brings another pyserial.
LABGRID=labgrid==26.0.1
LABGRID_DIR=.cache/labgrid
if ! grep -qsx "$LABGRID" "$LABGRID_DIR/stamp"; then
  say "installing $LABGRID"
  rm -rf "$LABGRID_DIR"
  .venv/bin/python -m pip install -qq --disable-pip-version-check --target "$LABGRID_DIR" "$LABGRID" ||
    die "pip could not install $LABGRID (above)"
  echo "$LABGRID" >"$LABGRID_DIR/stamp"
fi
