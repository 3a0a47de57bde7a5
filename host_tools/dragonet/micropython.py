"""The unix port of MicroPython that runs the virtual boards: MICROPYTHON=/path, or the pinned wheel in .venv."""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

from dragonet import toolchain
from dragonet.errors import UserError

# What a virtual board takes from its interpreter; prints the version when all of it is there.
_PROBE = """
import sys, vfs, struct, binascii, hashlib, select, micropython
vfs.VfsLfs2, vfs.mount, hashlib.sha256, micropython.heap_lock
import asyncio
asyncio.ThreadSafeFlag
exec("@micropython.viper\\ndef f(x: int) -> int:\\n    return x\\n")
print("%s %d.%d.%d" % ((sys.implementation[0],) + tuple(sys.implementation[1][:3])))
"""
_OLDEST = (1, 26)
_TIMEOUT_S = 20
_REMEDY = (
    "run 'make setup' for the pinned one (Linux on x86-64), "
    "or build ports/unix of MicroPython 1.26 or newer and set MICROPYTHON=/path/to/micropython"
)


def _candidate() -> tuple[str, str]:
    """(path, where it comes from); UserError when there is none."""
    named = os.environ.get("MICROPYTHON", "")
    if named:
        found = shutil.which(named)
        if found is None:
            raise UserError(f"MICROPYTHON={named} is not an executable file: {_REMEDY}")
        return found, f"MICROPYTHON={named}"
    beside = Path(sys.executable).parent / "micropython"
    if beside.exists():
        return str(beside), str(beside)
    raise UserError(f"no MicroPython beside {sys.executable}: {_REMEDY}")


@functools.cache
def find() -> str:
    """Path of a MicroPython that runs and has what the virtual boards need; UserError naming the remedy otherwise."""
    path, where = _candidate()
    try:
        probe = subprocess.run(
            [path, "-c", _PROBE], capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(f"{where} does not run ({error}): {_REMEDY}") from None
    words = probe.stdout.split()
    if probe.returncode != 0 or len(words) != 2:
        lines = (probe.stderr.strip() or probe.stdout.strip() or f"exit code {probe.returncode}").splitlines()
        raise UserError(f"{where} lacks what virtual boards need ({lines[-1][-100:]}): {_REMEDY}")
    if words[0] != "micropython":
        raise UserError(f"{where} is {words[0]}, not MicroPython: {_REMEDY}")
    if tuple(int(part) for part in words[1].split(".")[:2]) < _OLDEST:
        raise UserError(f"{where} is MicroPython {words[1]}: {_REMEDY}")
    return path


@functools.cache
def word_bits() -> int:
    """32 or 64: the size of a pointer, and so of an object, in the MicroPython of find()."""
    command = [find(), "-c", "import sys; print(64 if sys.maxsize > 1 << 32 else 32)"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=True)
    return int(run.stdout)


def use(named: str) -> None:
    """From here on the boards run this one: a path, or 32 for the port of `make toolchain`. UserError: neither."""
    os.environ["MICROPYTHON"] = str(toolchain.micropython32()) if named == "32" else named
    find.cache_clear()
    word_bits.cache_clear()
    find()


if __name__ == "__main__":
    try:
        print(find())
    except UserError as problem:
        sys.exit(f"dragonet: error: {problem}")
