#!/usr/bin/env bash
# The RP2040 emulator: rp2040js by host_tools/rp2040/package-lock.json, into build/rp2040.
# emulator.sh wanted: where node is missing, say how to get it and go on. emulator.sh needed: install it.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

level=${1:?wanted or needed}
dir=build/rp2040
lock=host_tools/rp2040/package-lock.json

missing=()
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
if [ ${#missing[@]} -ne 0 ]; then
  if [ "$level" = wanted ]; then
    say "no RP2040 emulator: it runs on node. For it:  apt-get install -y --no-install-recommends ${missing[*]}  and make setup again"
    exit 0
  fi
  debian_install "${missing[@]}"
fi
major=$(node --version | sed 's/^v\([0-9]*\).*/\1/')
if [ "$major" -lt 18 ]; then
  [ "$level" = wanted ] && { say "no RP2040 emulator: node $(node --version) is too old, it needs 18 or newer"; exit 0; }
  die "node $(node --version) is too old: the RP2040 emulator needs 18 or newer"
fi

mkdir -p "$dir"
exec 9>"$dir/lock"
flock 9
want=$(cat "$lock" host_tools/rp2040/package.json | sha256sum | cut -d' ' -f1)
if ! grep -qsx "$want" "$dir/stamp" || [ ! -d "$dir/node_modules/rp2040js" ]; then
  say "installing rp2040js"
  cp host_tools/rp2040/package.json "$lock" "$dir/"
  (cd "$dir" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >npm.log 2>&1 </dev/null) || {
    tail -n 5 "$dir/npm.log" >&2
    [ "$level" = wanted ] && { say "no RP2040 emulator: npm could not install rp2040js (above)"; exit 0; }
    die "npm could not install rp2040js (above). Is a package registry reachable? Then try again"
  }
  echo "$want" >"$dir/stamp"
fi
