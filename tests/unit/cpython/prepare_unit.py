"""Makes a CPython process look like MicroPython to tests/unit: time, asyncio and gc on the virtual board's clock."""

import builtins
import calendar
import gc
import importlib.util
import sys
import time
import types

import micropython  # (the stand-in defines viper's ptr8, uint, ... too)
import twin
import virtual_asyncio
from twin import schedule

from dragonet import paths


def _virtual_time() -> None:
    """Copy what boards/unix/lib/time.py defines into CPython's own `time`, which is imported everywhere already."""
    real = types.ModuleType("utime")
    setattr(real, "gmtime", lambda seconds, _gmtime=time.gmtime: tuple(_gmtime(seconds))[:8])
    setattr(real, "mktime", lambda fields: calendar.timegm((*fields[:6], 0, 0, 0)))
    sys.modules["utime"] = real
    spec = importlib.util.spec_from_file_location("virtual_time", paths.VIRTUAL_BOARD / "time.py")
    assert spec is not None and spec.loader is not None
    virtual = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(virtual)
    for name, value in vars(virtual).items():
        if callable(value) and not name.startswith("_"):
            setattr(time, name, value)


def _print_exception(error, file=None):
    import traceback

    traceback.print_exception(error, file=file)


_virtual_time()
virtual_asyncio.install()
setattr(micropython, "schedule", schedule.schedule)
setattr(sys, "print_exception", _print_exception)
setattr(gc, "collect", lambda: 0)  # boards do it each 4 s, and CPython's heap is large
setattr(gc, "threshold", lambda amount=None: -1)
setattr(gc, "mem_free", lambda: 200_000)
setattr(gc, "mem_alloc", lambda: 40_000)
assert hasattr(builtins, "ptr8")


def before_case() -> None:
    twin.bench()
