"""Files of Debian's packages, checked by sha256: from the cache, or by apt-get with a configuration of its own.

The machine's own apt is neither changed nor asked: suites, lists and cache of this one lie below the given folder.
"""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from dragonet.errors import UserError
from toolchain.sources import Source

DEBIAN = "http://deb.debian.org/debian"
KEYRINGS = ("/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/debian-archive-keyring.pgp")
_APT_TIMEOUT_S = 900


def say(text: str) -> None:
    print(f"dragonet: {text}", flush=True)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def mirror() -> str:
    """DRAGONET_DEBIAN, or the Debian archive that this machine's apt uses, or Debian's own."""
    named = os.environ.get("DRAGONET_DEBIAN", "")
    if named:
        return named
    places = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    for place in places:
        if place.is_file():
            found = re.search(r"(?m)^(?:URIs:|deb\s(?:\[[^]]*\]\s*)?)\s*(\S+/debian/?)(?:\s|$)", place.read_text())
            if found:
                return found[1]
    return DEBIAN


def run(command: list[str], what: str, timeout_s: float = _APT_TIMEOUT_S, **keywords) -> str:
    """Its output; UserError with the last lines when it fails."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", timeout=timeout_s, check=False, **keywords
        )  # fmt: skip
    except FileNotFoundError:
        raise UserError(f"{what} needs {command[0]}, which is not installed (Debian and Ubuntu have it)") from None
    except subprocess.TimeoutExpired:
        raise UserError(f"{what}: {command[0]} did not end within {timeout_s:.0f} s; try again") from None
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-15:])
        raise UserError(f"{what} failed: {' '.join(command[:3])} ended with code {done.returncode}\n{tail}")
    return done.stdout


class Apt:
    """apt-get on chosen suites of Debian's archive, in a folder of its own."""

    def __init__(self, folder: Path, uri: str) -> None:
        self.folder, self.uri = folder, uri
        self._suites: set[str] = set()

    def use(self, suite: str, apt_type: str) -> None:
        """Reads this suite's list, once; the lists of the suites used before stay in use."""
        entry = f"{apt_type} {suite}"
        if entry in self._suites:
            return
        self._suites.add(entry)
        for place in ("state/lists/partial", "cache/archives/partial"):
            (self.folder / place).mkdir(parents=True, exist_ok=True)
        keyring = next((name for name in KEYRINGS if Path(name).exists()), None)
        if keyring is None:
            raise UserError(
                "Debian's archive keys are needed to read its package lists. "
                "Run:  sudo apt-get install -y debian-archive-keyring"
            )
        lines = []
        for used in sorted(self._suites):
            kind, name = used.split()
            lines.append(f"{kind} [signed-by={keyring}] {self.uri} {name} main\n")
        (self.folder / "sources.list").write_text("".join(lines))
        (self.folder / "apt.conf").write_text(
            f'Dir::Etc::sourcelist "{self.folder}/sources.list";\nDir::Etc::sourceparts "-";\n'
            f'Dir::State "{self.folder}/state";\nDir::Cache "{self.folder}/cache";\n'
            'APT::Sandbox::User "root";\nAcquire::Languages "none";\nAcquire::Retries "1";\n'
            'APT::Update::Error-Mode "any";\n'
        )
        say(f"reading the package list of Debian {suite}")
        self.get("update", what=f"reading Debian's list of {suite} at {self.uri}")

    def get(self, *arguments: str, what: str, cwd: Path | None = None, program: str = "apt-get") -> str:
        environment = {**os.environ, "APT_CONFIG": str(self.folder / "apt.conf"), "LC_ALL": "C"}
        return run([program, "-q", *arguments], what, cwd=cwd, env=environment)

    def versions(self, source: Source) -> list[str]:
        """What the suites in use offer of it."""
        show = "show" if source.binary else "showsrc"
        try:
            text = self.get(show, source.package, what="looking it up", program="apt-cache")
        except UserError:
            return []
        wanted = f"Package: {source.package}"
        blocks = [block.splitlines() for block in text.split("\n\n")]
        return [
            line.split(None, 1)[1]
            for lines in blocks
            if wanted in lines
            for line in lines
            if line.startswith("Version: ")
        ]

    def download(self, source: Source, version: str, into: Path) -> None:
        words = ["download"] if source.binary else ["source", "--download-only"]
        self.get(*words, f"{source.package}={version}", what=f"downloading {source.package} {version}", cwd=into)


def newest(versions: list[str]) -> str:
    """The highest by Debian's rules."""
    best = versions[0]
    for version in versions[1:]:
        if subprocess.run(["dpkg", "--compare-versions", version, "gt", best], check=False).returncode == 0:
            best = version
    return best


def cached(source: Source, downloads: Path) -> list[Path] | None:
    """The pinned files when all are there and right. A wrong one is deleted."""
    paths = []
    for name, pinned in source.files.items():
        path = downloads / name
        if not path.is_file():
            return None
        if sha256(path) != pinned:
            say(f"{path.name} in the cache is damaged: deleted, downloaded again")
            path.unlink()
            return None
        paths.append(path)
    return paths


def fetch(source: Source, downloads: Path, apt: Apt) -> list[Path]:
    """The package's archives. UserError: no archive reachable, or what came is not what is pinned."""
    downloads.mkdir(parents=True, exist_ok=True)
    found = cached(source, downloads)
    if found is not None:
        return found
    apt.use(source.suite, source.apt_type)
    offered = apt.versions(source)
    if source.version not in offered:
        return _other(source, offered, downloads, apt)
    say(f"downloading {source.package} {source.version}")
    fresh = downloads / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    apt.download(source, source.version, fresh)
    paths = []
    for name, pinned in source.files.items():
        path = fresh / name
        if not path.is_file():
            raise UserError(f"{source.package} {source.version} came without {name}")
        if (got := sha256(path)) != pinned:
            path.unlink()
            raise UserError(f"{name} is refused: its sha256 is {got}, pinned is {pinned} (toolchain/sources.py)")
        paths.append(path.replace(downloads / name))
    shutil.rmtree(fresh)
    return paths


def _other(source: Source, offered: list[str], downloads: Path, apt: Apt) -> list[Path]:
    """The newest version that is offered instead of the pinned one."""
    if not offered:
        apt.use("sid", source.apt_type)
        offered = apt.versions(source)
    if not offered:
        raise UserError(f"{apt.uri} offers no {source.package}; name another archive:  DRAGONET_DEBIAN=http://...")
    version = newest(offered)
    say(f"warning: {source.package} {source.version} (pinned) is no longer offered; taking {version}, not tried yet")
    folder = downloads / f"{source.package}_{re.sub('[^0-9A-Za-z.]', '-', version)}"
    if not any(folder.glob("*.orig.tar.*" if not source.binary else "*.deb")):
        folder.mkdir(exist_ok=True)
        apt.download(source, version, folder)
    paths = sorted(folder.glob("*.orig.tar.*[!c]" if not source.binary else "*.deb"))
    return [path for path in paths if not path.name.endswith(".asc")]
