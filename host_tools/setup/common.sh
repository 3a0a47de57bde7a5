# What the set-up scripts share: messages, and Debian packages by apt-get. Sourced, not run.
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

say() { printf 'dragonet: %s\n' "$*" >&2; }
die() { printf 'dragonet: error: %s\n' "$*" >&2; exit 2; }

# debian_install PACKAGE...: installs them as root or with sudo; where neither works, names the exact command and fails.
debian_install() {
  local command="apt-get install -y --no-install-recommends $*"
  command -v apt-get >/dev/null ||
    die "these Debian packages are needed: $*. This system has no apt-get: install the same tools by its own means, then try again"
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    { command -v sudo && sudo -n true; } >/dev/null 2>&1 ||
      die "these Debian packages are needed: $*. Run:  sudo apt-get update && sudo $command"
    as_root=(sudo -n)
  fi
  say "installing Debian packages: $*"
  # tshark asks whether others than root may capture; we only read files, and nobody is there to answer.
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq)
  local log
  log=$(mktemp)
  if ! "${apt[@]}" install -y --no-install-recommends "$@" >"$log" 2>&1 </dev/null; then
    { "${apt[@]}" update || true; "${apt[@]}" install -y --no-install-recommends "$@"; } >"$log" 2>&1 </dev/null || {
      tail -n 15 "$log" >&2
      rm -f "$log"
      die "apt-get failed (above). Run yourself:  apt-get update && $command"
    }
  fi
  rm -f "$log"
}
