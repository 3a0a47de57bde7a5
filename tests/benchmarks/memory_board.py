# Heap of one board's flight code on this MicroPython: run by memory.py, prints one line of JSON.
#
# usage: memory_board.py ROLE ROMFS_IMAGE BOARDS HOST_TOOLS NV
# The flight code is imported from a ROMFS image, executed in place as in a slot of the RP2040: its bytecode takes no
# heap. The twin (wires, chip models) stands before the first figure and is in none; its stand-ins for the peripherals
# that the firmware makes (machine.I2C, machine.CAN ...) are counted with it, so the figures are an upper bound.
import gc
import json
import sys

role, image, boards, host_tools, nv = sys.argv[1:6]

import vfs  # noqa: E402

with open(image, "rb") as file:
    rom = file.read()
vfs.umount("/")
for mount_point, folder in (("/twin", boards + "/unix/lib"), ("/host", host_tools), ("/nv", nv), ("/boards", boards)):
    vfs.mount(vfs.VfsPosix(folder), mount_point)
vfs.mount(vfs.VfsRom(rom), "/rom")
sys.path[:] = ["/twin", ".frozen", "/rom", "/host"]

import twin  # noqa: E402
from dragonet.flatsat.devices import world  # noqa: E402
from twin import flash, ioqueue  # noqa: E402

AFTER_S = 60  # virtual: the tasks have made what they need


def taken():
    gc.collect()
    return gc.mem_alloc()


class Over(BaseException):
    """The measurement's time is up."""


def over():
    raise Over


env = twin.bench(role=role, files="/nv", world=[0.0] * len(world.CHANNELS[role]))
env.emit = lambda *_: None  # no hub keeps what the board tells
ioqueue.install()
flash.mount()
with open("/config.json", "w") as file:
    json.dump({"callsign": "N0CALL", "satellite": "BENCH", "frequency_hz": 437_375_000, "tx_power_dbm": 2}, file)
for wiring in (role, "can"):
    __import__("dragonet.flatsat.devices.wiring_" + wiring, None, None, ("wire",)).wire(env)

figures = {"role": role, "word_bits": 64 if sys.maxsize >> 32 else 32}
start = taken()

for name in ("csp", "core.board"):
    __import__(name)
from core import services, supervisor  # noqa: E402

figures["bus and core, modules"] = taken() - start
measured = {}


def attach(board):
    """core.services.attach, with the heap looked at around each service."""
    figures["board with node"] = taken() - before
    for name, _, _ in services._SERVICES:
        setattr(board, name, None)
    for name, module, kind in services._SERVICES:
        free = taken()
        try:
            service = getattr(__import__(module, None, None, (kind,)), kind)
            loaded = taken()
            made = service(board)
        except Exception as error:
            sys.print_exception(error)
            figures["failed"] = figures.get("failed", ()) + (name,)
            continue
        setattr(board, name, made)
        del made
        measured[name] = {"module": loaded - free, "data": taken() - loaded}


def report(name, error):
    """What the board survives is shown, and is no success."""
    figures["failed"] = figures.get("failed", ()) + (name,)
    if error is not None:
        sys.print_exception(error)


supervisor.report = report
plain_attach = services.attach
services.attach = attach
import parts  # noqa: E402
import pins  # noqa: E402

from core import start as starting  # noqa: E402

gc.collect()
before = taken()
board = starting.start(parts, pins)
services.attach = plain_attach
figures["services"] = measured
figures["after boot"] = taken() - start
known = figures["bus and core, modules"] + figures["board with node"]
figures["app, with its tables"] = figures["after boot"] - known - sum(sum(one.values()) for one in measured.values())
end = env.kernel.now + AFTER_S * 1_000_000
env.at(end, over)
try:
    board.run()
except (Over, SystemExit):  # a board whose tasks end resets
    if env.kernel.now < end:
        figures["failed"] = figures.get("failed", ()) + ("reset",)
figures["after a minute"] = taken() - start
figures["faults"] = board.faults
print(json.dumps(figures))
