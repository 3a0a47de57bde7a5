# Power-on of a virtual board with a prompt of its own, run by the unix port:  micropython -i bench.py SETTINGS
#
# As run.py, without a hub: time is wall time, nothing is on the bus, and the console is the terminal, with a raw REPL.
# SETTINGS is a file of JSON. "control" is a descriptor: a byte written there asks for a reset with that cause, and ends
# the process from outside; 0 says that it is up, and can be interrupted. Without "app" the guard chooses as ever, and
# the prompt comes in the app's place.
import json
import sys

with open(sys.argv[1]) as file:
    settings = json.load(file)
control = open(settings["control"], "wb", 0)

import vfs  # noqa: E402

vfs.umount("/")
for mount_point, folder in settings["mounts"]:
    vfs.mount(vfs.VfsPosix(folder), mount_point)
sys.path[:] = ["/twin", ".frozen", "/rom", "/board", "/target", "/host"]

import flash_map  # noqa: E402
import twin  # noqa: E402
from twin import flash, ioqueue, slots  # noqa: E402
from twin.board import Board  # noqa: E402
from twin.wall import Wall  # noqa: E402


def ask_for_reset(cause):
    control.write(bytes((cause,)))
    import select

    while True:
        select.poll().poll(1000)


hardware = Board(
    settings["role"], settings["world"], settings["seed"], bytes(settings["uid"]), settings["reset_cause"], "/nv"
)
twin.board = hardware
ioqueue.install()
slots.reserve(flash_map.SLOT_BYTES)
sys.modules["pins"] = __import__(settings["pins"])
flash.mount()
__import__("dragonet.flatsat.devices.wiring_" + settings["role"], None, None, ("wire",)).wire(hardware)
__import__("dragonet.flatsat.devices.wiring_can", None, None, ("wire",)).wire(hardware)
hardware.kernel.link = Wall(ask_for_reset, settings["paced"])
hardware.kernel.stop_at(0)
board = None
try:
    control.write(b"\0")
    __import__("boot")
    if settings["app"]:
        with open("/rom/main.py") as file:  # as frozen main.py runs, in the prompt's own names
            code = file.read()
        exec(code)
except KeyboardInterrupt as error:
    sys.print_exception(error)
