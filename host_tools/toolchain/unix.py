"""MicroPython's unix port: 32-bit with single-precision floats, and with sys.settrace for coverage; and mpy-cross."""

import shutil
from pathlib import Path

from dragonet.toolchain import FOLDER
from toolchain.build import compile, finish, is_fresh, jobs, key, pins, recipe, source_tree
from toolchain.fetch import say
from toolchain.sources import UNIX

# What a virtual board does not use and this machine may not have.
_WITHOUT = (
    "MICROPY_PY_BTREE=0",
    "MICROPY_PY_FFI=0",
    "MICROPY_PY_SSL=0",
    "MICROPY_SSL_AXTLS=0",
    "MICROPY_SSL_MBEDTLS=0",
)
# Floats as on Cortex-M: 32 bits, computed by SSE in that precision (the x87 keeps more bits than asked for).
_SINGLE = "-DMICROPY_FLOAT_IMPL=MICROPY_FLOAT_IMPL_FLOAT -msse2 -mfpmath=sse"
_SETTRACE = "-DMICROPY_PY_SYS_SETTRACE=1"
_MANIFEST = 'include("$(MPY_DIR)/extmod/asyncio")\n'


def _port(name: str, cflags: str, *settings: str) -> None:
    """build/toolchain/NAME/micropython."""
    folder = FOLDER / name
    stamp = key(pins(UNIX), cflags, settings, files=recipe("unix.py"))
    if is_fresh(folder, stamp):
        return
    tree = source_tree(UNIX, {})
    say(f"building {name}: half a minute or so")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    manifest = folder / "manifest.py"
    manifest.write_text(_MANIFEST)
    build = folder / "build"
    command = ["make", "-C", str(tree / "ports" / "unix"), jobs(), "VARIANT=standard", f"BUILD={build}"]
    command += [*_WITHOUT, *settings, f"FROZEN_MANIFEST={manifest}", f"CFLAGS_EXTRA={cflags}"]
    compile(command, f"building {name}", folder / "build.log")
    (build / "micropython").replace(folder / "micropython")
    shutil.rmtree(build)
    finish(folder, stamp)


def mpy_cross() -> Path:
    folder = FOLDER / "mpy-cross"
    stamp = key(pins(UNIX), files=recipe())
    if not is_fresh(folder, stamp):
        tree = source_tree(UNIX, {})
        say("building mpy-cross")
        compile(["make", "-C", str(tree / "mpy-cross"), jobs()], "building mpy-cross", folder / "build.log")
        shutil.copy2(tree / "mpy-cross" / "build" / "mpy-cross", folder / "mpy-cross")
        finish(folder, stamp)
    return folder / "mpy-cross"


def micropython32() -> None:
    mpy_cross()
    _port("micropython32", _SINGLE, "MICROPY_FORCE_32BIT=1")


def coverage() -> None:
    mpy_cross()
    _port("coverage", _SETTRACE)
