"""A board's flight code in the process of a host test: what CPython's time and asyncio lack, on a clock that stands."""

import asyncio
import time

import pytest

from host.csp_bench import Clock, Flag


def lend(patch: pytest.MonkeyPatch) -> None:
    """Adds MicroPython's functions until `patch` is undone."""
    clock = Clock("time")
    for name in ("ticks_ms", "ticks_us", "ticks_diff", "ticks_add"):
        patch.setattr(time, name, getattr(clock, name), raising=False)
    patch.setattr(asyncio, "ThreadSafeFlag", Flag, raising=False)
