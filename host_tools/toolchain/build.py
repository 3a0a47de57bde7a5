"""What the builds share: unpacked sources, stamps, how make is called.

A build is done again when its stamp, the hash of all that goes into it, has changed.
"""

import contextlib
import fcntl
import functools
import hashlib
import os
import shutil
import sys
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from dragonet.errors import UserError
from dragonet.toolchain import FOLDER
from toolchain.fetch import Apt, fetch, mirror, run, say
from toolchain.sources import MICROPYTHON, Source

DOWNLOADS = FOLDER / "downloads"
VERSION = MICROPYTHON.version.partition("+")[0]
_SOURCE_DATE = 1_757_600_000  # s since 1970, the date of every build: the same source gives the same image
_BUILD_LIMIT_S = 1800


@contextlib.contextmanager
def lock() -> Iterator[None]:
    """One build at a time."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another build in {FOLDER}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def key(*parts: object, files: Iterable[Path] = ()) -> str:
    """Hash of these values and of these files' contents."""
    digest = hashlib.sha256(repr(parts).encode())
    for path in sorted(files):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def recipe(*names: str) -> list[Path]:
    """Files of this folder that say how something is built."""
    here = Path(__file__).parent
    return [here / name for name in ("build.py", *names)]


def pins(sources: Iterable[Source]) -> list[str]:
    return [value for source in sources for value in source.files.values()]


def is_fresh(folder: Path, stamp: str) -> bool:
    path = folder / "stamp"
    return path.is_file() and path.read_text() == stamp


def finish(folder: Path, stamp: str) -> None:
    (folder / "stamp").write_text(stamp)


@functools.cache
def _apt() -> Apt:
    return Apt(FOLDER / "apt", mirror())


def _unpack(source: Source, into: Path) -> None:
    """The package's source as the folder `into`."""
    archives = fetch(source, DOWNLOADS, _apt())
    fresh = into.with_name(into.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    if source.binary:
        run(["dpkg-deb", "--extract", str(archives[0]), str(fresh)], f"unpacking {source.package}")
        inner = fresh / "usr" / "src" / source.name
    else:
        with tarfile.open(archives[0]) as archive:
            archive.extractall(fresh, filter="tar")
        inner = next(path for path in fresh.iterdir() if path.is_dir())
    shutil.rmtree(into, ignore_errors=True)
    inner.rename(into)
    shutil.rmtree(fresh, ignore_errors=True)


def source_tree(sources: tuple[Source, ...], libraries: dict[str, str]) -> Path:
    """MicroPython's source with these packages in it; libraries: folder below the tree, by source name."""
    tree = FOLDER / "source"
    for source in sources:
        into = tree / libraries[source.name] if source.name in libraries else tree
        mark = FOLDER / "unpacked" / source.name
        stamp = key(pins([source]), pins([MICROPYTHON]))  # a new MicroPython is a new tree
        if mark.is_file() and mark.read_text() == stamp and into.is_dir():
            continue
        say(f"unpacking {source.package} {source.version}")
        _unpack(source, into)
        mark.parent.mkdir(exist_ok=True)
        mark.write_text(stamp)
        if into == tree:
            for other in mark.parent.iterdir():
                if other != mark:
                    other.unlink()
    readme = tree / "lib" / "micropython-lib" / "README.md"
    readme.parent.mkdir(exist_ok=True)
    readme.touch()  # its presence is how the build sees that the library was fetched; Debian drops it
    return tree


def compile(command: list[str], what: str, log: Path, **variables: str) -> None:
    """Runs make or cmake; its whole output goes to the log. UserError names it when this fails."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR", "TERM")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', '')}"
    environment |= {
        "USER": "dragonet",  # uf2conv.py wants one
        "SOURCE_DATE_EPOCH": str(_SOURCE_DATE),
        "MICROPY_GIT_TAG": f"v{VERSION}",  # else it asks git, and gets the tag of the checkout around it
        "MICROPY_GIT_HASH": "",
        **variables,
    }
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        log.write_text(run(command, what, _BUILD_LIMIT_S, env=environment))
    except UserError as error:
        log.write_text(str(error))
        raise UserError(f"{error}\n(what was built from: {FOLDER / 'source'})") from None


def jobs() -> str:
    return f"-j{len(os.sched_getaffinity(0))}"
