# A board with its store, scrub and files, in a folder of the test, and a ground that talks to it.
import os
import struct
from hashlib import sha256

from byte_memory import Memory
from command_world import EPS, Board
from core import layout, record, upload
from core.commands import Commands
from core.download import BLOCK as GET_BLOCK
from core.files import Files
from core.scrub import Scrub
from core.store import Store

ROOT = "unit_files"
INSIDE = 3  # the beacon: boards of the satellite need no signature


class _Supervisor:
    def task(self, name, function, deadline_ms):
        self.run = function


class FileBoard(Board):
    """As much of core.board.Board as they use. cells: the FRAM, None when it is dead."""

    def __init__(self, cells):
        super().__init__(cells)
        self.fram = cells
        self.table = self.dictionary.hk
        self.supervisor = _Supervisor()
        self.transmitting = False
        self.time = None
        self.told = []
        self.after = []
        self.kept = []
        self.commands = Commands(self)

    @property
    def uptime_s(self):
        return self.clock.seconds

    def record(self, name, size, offset=0):
        made = record.Record(self.memory, layout.region(name)[0] + offset, size)
        self.kept.append(made)
        return made

    def records(self):
        return self.kept

    def after_hk(self, function):
        self.after.append(function)

    def event(self, number, a=0, b=0):
        self.told.append((number, a, b))


class World:
    """Boots on the same memories as often as a test wants. root: folder of its file system."""

    def __init__(self, cells=None, root=ROOT, dead=False):
        self.cells = None if dead else cells or Memory(layout.END)
        self.root = root
        self.boot()

    def boot(self):
        self.board = board = FileBoard(self.cells)
        self.wire = board.wire
        board.store = Store(board, self.root)
        board.scrub = Scrub(board)
        board.files = Files(board, self.root)
        self.files = board.files
        self.sequence = 0

    def ask(self, name, *values, sport=20, src=INSIDE):
        """Every reply to a command, each (status, data), once the board has nothing left to do."""
        self.wire.sent.clear()
        self.sequence += 1
        frame = struct.pack(">BI", 255, self.sequence) + self.board.commands.encode(name, *values)
        self.wire.give(src, EPS, frame, sport)
        self.work()
        return [(data[5], data[6:]) for _, _, _, data in self.wire.sent]

    def work(self, steps=100_000):
        """Lets the files' task do what there is to do."""
        for _ in range(steps):
            pause_ms = self.files.step()
            if pause_ms is None or pause_ms >= 250:
                return

    def seconds(self, count):
        for _ in range(count):
            self.board.clock.seconds += 1
            for function in self.board.seconds:
                function()

    def open(self, name, data):
        """Begins or resumes an upload: the status (session, state, base, bits)."""
        return status(self.ask("file_open", len(data), sha256(data).digest() + name.encode())[-1])

    def send(self, session, index, data, sport=63):
        block = data[index * upload.BLOCK : (index + 1) * upload.BLOCK]
        return self.ask("file_block", session, index, block, sport=sport)

    def put(self, name, data):
        """A whole upload: what file_close answers."""
        session = self.open(name, data)[0]
        for index in range((len(data) + upload.BLOCK - 1) // upload.BLOCK):
            self.send(session, index, data)
        return self.ask("file_close")[-1]

    def get(self, name):
        """A whole download."""
        size = struct.unpack(">I", self.ask("file_get", 5, 0, bytes(8) + name.encode())[-1][1])[0]
        data = bytearray(size)
        for base in range(0, (size + GET_BLOCK - 1) // GET_BLOCK, 64):
            for code, block in self.ask("file_get", 5, base, b"\xff" * 8 + name.encode()):
                if code == 0 and block:
                    at = struct.unpack(">H", block[:2])[0] * GET_BLOCK
                    data[at : at + len(block) - 2] = block[2:]
        return bytes(data)


def status(reply):
    """(session, state, base, bits) of a reply that completed."""
    assert reply[0] == 1, reply
    session, state, base = struct.unpack(">BBH", reply[1][:4])
    bits = 0
    for k in range(6):
        bits |= reply[1][5 + k] << 8 * k
    return session, state, base, bits


def content(size, seed=1):
    """Bytes that no block has in common with another."""
    made = bytearray(size)
    value = seed * 7919 + 1
    for k in range(size):
        value = (value * 1103 + 12345) & 0xFFFFF
        made[k] = value >> 7 & 0xFF
    return bytes(made)


def remove(path=ROOT):
    """A folder with all that is in it."""
    try:
        names = os.listdir(path)
    except OSError:
        try:
            os.remove(path)
        except OSError:
            pass
        return
    for name in names:
        remove("%s/%s" % (path, name))
    os.rmdir(path)
