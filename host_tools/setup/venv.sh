#!/usr/bin/env bash
# Makes or renews .venv:  venv.sh run  for flying,  venv.sh test  for tests and lint too.
# A stamp holds the hash of what .venv was made from; nothing is done while it still fits.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

STUBS=micropython-rp2-stubs==1.29.0.post1  # the board's interfaces for basedpyright
STUBS_DIR=.cache/typings_rp2
level=${1:?run or test}

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
  local name
  for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if command -v "$name" >/dev/null && new_enough "$name"; then command -v "$name"; return; fi
  done
  die "python 3.11 or newer is needed; ${PYTHON:-python3} is $("${PYTHON:-python3}" --version 2>&1 || echo missing). Name another with  make PYTHON=/path/to/python3 ..."
}

make_venv() {  # Debian ships venv and ensurepip apart from python3
  "$python" -c 'import ensurepip, venv' 2>/dev/null ||
    debian_install "$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
  rm -rf .venv
  "$python" -m venv .venv || die "$python -m venv .venv failed (above)"
}

mkdir -p .cache
exec 9>.cache/setup.lock
flock 9  # two makes at once would build the same .venv

python=$(find_python)
want="$({ sed '/^\[tool\./,$d' pyproject.toml; cat host_tools/setup/constraints.txt host_tools/setup/venv.sh; pwd; "$python" -V; } | sha256sum | cut -d' ' -f1)"
have() { [ -x .venv/bin/dragonet ] && grep -qsx "$1 $want" .venv/dragonet-stamp; }

install() {  # install PIP-ARGUMENT...
  .venv/bin/python -m pip install -qq --disable-pip-version-check --constraint host_tools/setup/constraints.txt "$@" ||
    die "pip could not install $* (above). Is a package index reachable? Behind a proxy, set HTTPS_PROXY; then try again"
}

if ! have run; then
  say "making .venv ($("$python" -V)): a minute or two"
  make_venv
  install --editable .
  echo "run $want" >.venv/dragonet-stamp
fi
if [ "$level" = test ] && ! have test; then
  say "adding the test tools to .venv"
  install --editable ".[test]"
  rm -rf "$STUBS_DIR"
  install --target "$STUBS_DIR" "$STUBS"
  echo "test $want" >>.venv/dragonet-stamp
fi
[ "$level" = run ] || [ -d "$STUBS_DIR" ] || install --target "$STUBS_DIR" "$STUBS"
.venv/bin/python -m dragonet.micropython >/dev/null
