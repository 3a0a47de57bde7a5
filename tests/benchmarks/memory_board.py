# Heap of one board's flight code on this MicroPython: run by memory.py, prints one line of JSON.
#
# usage: memory_board.py ROLE ROMFS_IMAGE BOARDS HOST_TOOLS NV [HOURS UNIT]
# The flight code is imported from a ROMFS image, executed in place as in a slot of the RP2040: its bytecode takes no
# heap. The twin (wires, chip models) stands before the first figure and is in none; its stand-ins for the peripherals
# that the firmware makes (machine.I2C, machine.CAN ...) are counted with it, so the figures are an upper bound.
# With HOURS it flies on for so long, hears the other boards, ships and the bench's questions, and tells the heap each
# hour. UNIT: the folder tests/unit.
import gc
import json
import struct
import sys

role, image, boards, host_tools, nv = sys.argv[1:6]
hours = int(sys.argv[6]) if len(sys.argv) > 6 else 0

import vfs  # noqa: E402

with open(image, "rb") as file:
    rom = file.read()
vfs.umount("/")
for mount_point, folder in (("/twin", boards + "/unix/lib"), ("/host", host_tools), ("/nv", nv), ("/boards", boards)):
    vfs.mount(vfs.VfsPosix(folder), mount_point)
vfs.mount(vfs.VfsRom(rom), "/rom")
sys.path[:] = ["/twin", ".frozen", "/rom", "/host"]
if hours:
    vfs.mount(vfs.VfsPosix(sys.argv[7]), "/unit")
    sys.path.append("/unit")

import twin  # noqa: E402
from dragonet.flatsat.devices import world  # noqa: E402
from twin import flash, ioqueue  # noqa: E402

AFTER_S = 60  # virtual: the tasks have made what they need
HOUR_S = 3600
HEARD_S = 60  # between two rounds of what others say
SHIP = b"!AIVDM,1,1,,A,18SJ@DPris7WQ;05iop7lF>1P000,0*01\r\n"


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


def frames(src, messages):
    """What a node of this address puts on the bus for (destination, port, data) each."""
    from quiet_can import QuietCan

    import csp
    from csp.can import CanInterface

    can = QuietCan()
    can.log = []
    node = csp.Node(src, version=2)
    node.add_interface(CanInterface(can, name="CANA"))
    for dst, port, data in messages:
        node.send(dst, port, data, sport=40)
        can.settle()
    return [struct.pack("<BBIB", 0, 0, identifier, 2) + bytes(data) for identifier, data in can.log]


def others():
    """Frames of a round: heartbeats and housekeeping of the other boards, and questions of the bench."""
    from core import hashes, heartbeat, ports

    found = []
    beat = bytearray(heartbeat.SIZE)
    for name in board.heard:
        src = ports.ADDRESSES[name]
        try:
            packet = bytes(__import__(name + ".compact", None, None, ("HK",)).HK.size)
        except ImportError:  # this board does not read it
            packet = bytes(100)
        heartbeat.pack_into(beat, 3, 1, 1, hashes.HASHES[name][1])
        everyone = board.node.broadcast_address
        found += frames(src, ((everyone, ports.HEARTBEAT, beat), (everyone, ports.HK, packet)))
    unsigned = b"\xff\x00\x00\x00\x01"  # what only reads is answered
    asked = (b"\x00abc", b"\x02\x00", b"\x02\x01", b"\x05\x00\x00\x00\x00", b"\x10\x00", b"\x48", b"\xf0")
    requests = [(board.address, ports.COMMAND, unsigned + each) for each in asked]
    return found + frames(ports.ADDRESSES["bench"], requests)


def say():
    """A round, a frame each 300 us."""
    now = env.kernel.now
    for k in range(len(round_of)):
        env.at(now + 300 * k, lambda k=k: env._deliver(env.kernel.now, records.CAN_RECEIVED, round_of[k]))
    if role == "sensor":
        env._deliver(now, records.UART_RECEIVED, b"\x01" + SHIP)
    env.at(now + HEARD_S * 1_000_000, say)


def look():
    hourly[looks[0]] = taken()
    looks[0] += 1
    env.at(env.kernel.now + HOUR_S * 1_000_000, look)


if hours:
    from dragonet.flatsat.devices import records

    round_of = others()
    hourly = [0] * (hours + 1)  # made at once: it lies on the same heap
    looks = [0]
    AFTER_S = hours * HOUR_S + 120
    env.at(env.kernel.now + 60_000_000, say)
    env.at(env.kernel.now + 90_000_000, look)
end = env.kernel.now + AFTER_S * 1_000_000
env.at(end, over)
try:
    board.run()
except (Over, SystemExit):  # a board whose tasks end resets
    if env.kernel.now < end:
        figures["failed"] = figures.get("failed", ()) + ("reset",)
figures["after a minute"] = taken() - start
figures["faults"] = board.faults
if hours:
    figures["hourly"] = hourly
    figures["commands"] = board.commands.done
    figures["heard"] = [heard.hk_age_s for heard in board.heard.values()]
print(json.dumps(figures))
