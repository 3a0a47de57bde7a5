"""Where `make toolchain` leaves what it builds, below build/toolchain; host_tools/toolchain/ builds it."""

import os
from pathlib import Path

from dragonet import paths
from dragonet.errors import UserError

FOLDER = paths.REPO / "build" / "toolchain"
ROLES = tuple(sorted({path.parent.name for path in paths.BOARDS.glob("*/manifest.py")} - {"rp2"}))
PARTS = ("32", "coverage", "rp2", "bench")


def _built(path: Path, part: str) -> Path:
    if not path.is_file():
        raise UserError(f"{path} is not built: run 'make toolchain' (or only this: make toolchain PARTS={part})")
    return path


def micropython32() -> Path:
    """The 32-bit unix port with single-precision floats: numbers, objects and memory as on the boards.

    DRAGONET_M32 names another build. UserError: not built.
    """
    named = os.environ.get("DRAGONET_M32", "")
    if named:
        if not os.access(named, os.X_OK):
            raise UserError(f"DRAGONET_M32={named} is not an executable file: unset it and run 'make toolchain'")
        return Path(named)
    return _built(FOLDER / "micropython32" / "micropython", "32")


def has_micropython32() -> bool:
    """Whether it was built, or DRAGONET_M32 names one; DRAGONET_M32=0 does without."""
    named = os.environ.get("DRAGONET_M32", "")
    return named != "0" if named else (FOLDER / "micropython32" / "micropython").is_file()


def micropython_coverage() -> Path:
    """The unix port with sys.settrace. UserError: not built."""
    return _built(FOLDER / "coverage" / "micropython", "coverage")


def mpy_cross() -> Path:
    """mpy-cross of the same version as the images. UserError: not built."""
    return _built(FOLDER / "mpy-cross" / "mpy-cross", "32")


def image(role: str, kind: str = "uf2", bench: bool = False) -> Path:
    """The RPI_PICO image of a role; kind: uf2, elf, bin, map; bench: its bench build. UserError: none, or not built."""
    if role not in ROLES:
        raise UserError(f"no image for role {role!r}: the roles are {', '.join(ROLES)}")
    if bench:
        return _built(FOLDER / f"rp2-bench-{role}" / f"firmware.{kind}", "bench")
    return _built(FOLDER / f"rp2-{role}" / f"firmware.{kind}", "rp2")
