# Power-on of a virtual board, run by the unix port:  micropython run.py READER WRITER
#
# READER and WRITER are the descriptors of the pipes from and to the hub; the settings come first, as a line of JSON.
# The host's folders appear as /twin (this virtual board), /rom (firmware), /board, /target (the flash's map), /host and
# /nv (its memories); the board's own littlefs is at /. Then the firmware's boot.py and main.py run as on any board:
# /rom is the golden app, and boot.py may mount a slot over it.
import json
import sys

reader = open(int(sys.argv[1]), "rb")
writer = open(int(sys.argv[2]), "wb")
settings = json.loads(reader.readline())

import vfs  # noqa: E402

vfs.umount("/")
for mount_point, folder in settings["mounts"]:
    vfs.mount(vfs.VfsPosix(folder), mount_point)
sys.path[:] = ["/twin", ".frozen", "/rom", "/board", "/target", "/host"]

from dragonet.flatsat.devices import records  # noqa: E402

import flash_map  # noqa: E402
import twin  # noqa: E402
from twin import entropy, flash, heap, ioqueue, slots, work  # noqa: E402
from twin.board import Board  # noqa: E402

board = Board(
    settings["role"],
    settings["world"],
    settings["seed"],
    bytes(settings["uid"]),
    settings["reset_cause"],
    "/nv",
    settings["costs"],
)
board.kernel.now = settings["boot_us"]
twin.board = board
twin.golden = bytes(settings["golden"])
twin.built = tuple(settings["built"])
ioqueue.install()
entropy.install(settings["seed"])
slots.reserve(flash_map.SLOT_BYTES)
heap.install(settings["heap_scale"])

import random  # noqa: E402

random.seed(settings["seed"])
sys.modules["pins"] = __import__(settings["pins"])
flash.mount()
if "config" in settings:  # provisioning: written once, before the first flight
    try:
        open("/config.json").close()
    except OSError:
        with open("/config.json", "w") as config:
            json.dump(settings["config"], config)
for path, content in settings.get("files", ()):  # as above
    try:
        open(path).close()
    except OSError:
        with open(path, "wb") as file:
            file.write(bytes(content))
wiring = __import__("dragonet.flatsat.devices.wiring_" + settings["role"], None, None, ("wire",))
wiring.wire(board)
__import__("dragonet.flatsat.devices.wiring_can", None, None, ("wire",)).wire(board)
if "i2c" in getattr(__import__("parts"), "BUSES", ()):
    board.join_i2c(sys.modules["pins"].I2C_BUS)
board.connect(reader, writer)
hello = {"name": sys.implementation[0], "version": sys.implementation[1], "machine": sys.implementation[2]}
board.emit(records.HELLO, json.dumps(hello).encode())
board.kernel._exchange(board.kernel.now)


def report(name, error):
    """What the firmware survives goes to the console too: a bench wants to see it."""
    print("%d us: %s failed" % (board.kernel.now, name))
    if error is not None:
        sys.print_exception(error)


try:
    __import__("boot")
    guard = sys.modules["guard"]
    if guard.error is not None:
        report("guard", guard.error)
    __import__("core.supervisor", None, None, ("report",)).report = report
    if "work" in settings["costs"]:
        work.install(settings["role"], settings["costs"])
    __import__("main")
except SystemExit:
    raise
except BaseException as error:
    sys.print_exception(error)
# main ended: on a real board the prompt waits for a person, and the watchdog, if it was started, bites.
board.kernel.sleep_until(1 << 60)
