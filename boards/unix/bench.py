# Power-on of a virtual board with a prompt of its own, run by the unix port:  micropython -i bench.py SETTINGS
#
# As run.py, without a hub: time is wall time, nothing is on the bus, and the console is the terminal, with a raw REPL.
# SETTINGS is a file of JSON. "control" is a descriptor: a byte written there asks for a reset with that cause, and ends
# the process from outside; 0 says that it is up, and can be interrupted. Without "app" the guard chooses as ever, and
# the prompt comes in the app's place. With "stock" nothing is frozen: boot.py and main.py are those of its files.
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
twin.golden = bytes(settings["golden"])
ioqueue.install()
slots.reserve(flash_map.SLOT_BYTES)
sys.modules["pins"] = __import__(settings["pins"])
flash.mount()
__import__("dragonet.flatsat.devices.wiring_" + settings["role"], None, None, ("wire",)).wire(hardware)
__import__("dragonet.flatsat.devices.wiring_can", None, None, ("wire",)).wire(hardware)
hardware.kernel.link = Wall(ask_for_reset, settings["paced"])
hardware.kernel.stop_at(0)
board = None
if settings["stock"]:  # stock MicroPython: nothing but what lies on its files
    sys.path[:] = ["/twin", "", ".frozen", "/lib", "/host"]
    for name in list(sys.modules):
        if name in ("parts", "pins") or name.split(".")[0] in ("core", "csp", "drivers"):
            del sys.modules[name]
try:
    control.write(b"\0")
    if not settings["stock"]:
        __import__("boot")
    for name in ("/boot.py", "/main.py") if settings["stock"] else ("/rom/main.py",):
        if settings["app"] or name == "/boot.py":
            try:
                with open(name) as file:  # in the prompt's own names
                    code = file.read()
            except OSError:
                continue
            exec(code)
except KeyboardInterrupt:
    # The unix port raises it from the signal, wherever that finds it: within an import it may hold the lock of the
    # interned strings, and the prompt would wait for that for ever. So the board resets, as a flight app does.
    ask_for_reset(5)  # machine.SOFT_RESET
