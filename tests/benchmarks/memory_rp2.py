# Heap of one board on the (emulated) RP2040, measured at its prompt: sent there by memory_emulated.py with SLOT and
# OVERLAY = True or False before it, once nothing of an app is there; prints one line of JSON. The app is made as
# core/start.py does, and not run.
import gc
import json
import sys

_WATCHDOG = 0x4005B000  # CTRL; bit 30 enables


def stop_watchdog():
    import machine

    machine.mem32[_WATCHDOG] = 1 << 30


def taken():
    gc.collect()
    return gc.mem_alloc()


empty = taken()

if SLOT:  # noqa: F821  # pyright: ignore[reportUndefinedVariable]
    import vfs

    import slot_flash

    vfs.mount(vfs.VfsRom(slot_flash.memory(slot_flash.device(0))), "/slot")
    sys.path.insert(0, "/slot")
if OVERLAY:  # noqa: F821  # pyright: ignore[reportUndefinedVariable]
    import guard

    guard.lay_over(__import__("overlay").MODULES)
figures = {"empty": empty}
services = {}


def attach(board):
    """core.services.attach, with the heap looked at around each service."""
    stop_watchdog()
    figures["board with node"] = taken() - loaded
    for name, _, _ in all_services:
        setattr(board, name, None)
    for name, module, kind in all_services:
        before = taken()
        try:
            service = getattr(__import__(module, None, None, (kind,)), kind)
            between = taken()
            setattr(board, name, service(board))
        except Exception as error:
            failed.append("%s: %r" % (name, error))
            continue
        services[name] = (between - before, taken() - between)


failed = []
for name in ("csp", "core.board"):
    __import__(name)
figures["bus and core, modules"] = taken() - empty
from core import services as core_services  # noqa: E402
from core import supervisor  # noqa: E402

all_services = core_services._SERVICES
core_services.attach = attach
supervisor.report = lambda name, error: failed.append("%s: %r" % (name, error))
import parts  # noqa: E402
import pins  # noqa: E402

from core.start import start  # noqa: E402

loaded = taken()
board = start(parts, pins)
stop_watchdog()
figures["after boot"] = taken()
known = loaded + figures["board with node"] + sum([sum(one) for one in services.values()])
figures["app, with its tables"] = figures["after boot"] - known
figures["free"] = gc.mem_free()
figures["services"] = services
figures["failed"] = failed
print(json.dumps(figures))
