# A board with keys, store and files behind a radio, for tests/host/radio_world.py: run by MicroPython, driven by pipes.
#
# argv: folder of its memories, folders of modules. A line in: microseconds until which it runs, and the packets that
# arrive then, in hex as they are on the air. A line out: microseconds now, and each packet that was sent, as time:hex.
import os
import sys
import vfs

vfs.umount("/")
vfs.mount(vfs.VfsPosix(sys.argv[1]), "/nv")
sys.path[:] = []
for number, folder in enumerate(sys.argv[2:]):
    vfs.mount(vfs.VfsPosix(folder), "/host%d" % number)
    sys.path.append("/host%d" % number)
    if number == 0:
        sys.path.append(".frozen")

import command_world  # noqa: E402
import twin  # noqa: E402
from core.files import Files  # noqa: E402
from core.keys import Keys  # noqa: E402
from core.scrub import Scrub  # noqa: E402
from core.store import Store  # noqa: E402
from csp.interface import Interface  # noqa: E402
from csp.packet import DATA, HEADER_START  # noqa: E402
from dragonet.flatsat.devices import fram as fram_model  # noqa: E402
from drivers.fram import FRAM  # noqa: E402
from file_world import FileBoard  # noqa: E402
from machine import I2C  # noqa: E402
from twin import flash  # noqa: E402

NEVER = 1 << 60
START = HEADER_START[2]


class Radio(Interface):
    def __init__(self, kernel):
        super().__init__("RADIO")
        self._kernel = kernel
        self.sent = []

    def send(self, packet, via=-1):
        self.sent.append("%d:%s" % (self._kernel.now, bytes(packet.buffer[START : DATA + packet.size]).hex()))
        return True

    def give(self, raw):
        packet = self.node.take()
        packet.buffer[START : START + len(raw)] = raw
        packet.size = len(raw) - (DATA - START)
        self.node.arrived(packet, self)


class Life:
    """From power-on to the end of this process."""

    def __init__(self):
        env = twin.bench(files="/nv")
        fram_model.attach(env, 0, 0x50)
        flash.mount()
        os.chdir("/")
        self.kernel = env.kernel
        self.board = board = FileBoard(FRAM(I2C(0), 0x50))
        try:
            os.stat(command_world.KEYS_FILE)
        except OSError:
            command_world.provision()
        board.keys = Keys(board, command_world.KEYS_FILE, command_world.MARK_FILE)
        board.commands.add(board.keys)
        if board.keys.next(0) is None:
            self._open_slot()
        board.store = Store(board)
        board.scrub = Scrub(board)
        self.files = board.files = Files(board)
        self.radio = Radio(self.kernel)
        board.node.add_interface(self.radio)
        board.node.route("10/5 RADIO")
        self.radio.border = board.keys.border()
        self._second_us = self._step_us = self.kernel.now

    def _open_slot(self):
        # As an owner does once, by the challenge that the board shows.
        body = self.board.commands.encode("slot_recover", 0, self.board.keys.challenge(0))
        owner = command_world.Owner()
        self.board.wire.give(owner.src, command_world.EPS, owner.sign(0, body))

    def run(self, until_us):
        kernel = self.kernel
        while True:
            if self.files._wake.is_set():
                self.files._wake.clear()
                self._step_us = min(self._step_us, kernel.now)
            due = min(self._second_us, self._step_us)
            if due > until_us:
                break
            if due > kernel.now:
                kernel.sleep_until(due)
            if due == self._second_us:
                self._second_us += 1_000_000
                self.board.clock.seconds += 1
                for function in self.board.seconds:
                    function()
                self.board.node.process()
                continue
            pause_ms = self.files.step()
            self._step_us = NEVER if pause_ms is None else kernel.now + max(pause_ms * 1000, 200)
        if until_us > kernel.now:
            kernel.sleep_until(until_us)

    def exchange(self, line):
        words = line.split()
        self.run(int(words[0]))
        for word in words[1:]:
            self.radio.give(bytes.fromhex(word))
            self.board.node.process()
        said = " ".join(self.radio.sent)
        self.radio.sent.clear()
        return "%d %s\n" % (self.kernel.now, said)


if __name__ == "__main__":
    life = Life()
    sys.stdout.write("%d\n" % life.kernel.now)
    while True:
        line = sys.stdin.readline()
        if not line:
            break
        sys.stdout.write(life.exchange(line))
