# One board with its commands and keys, on a memory that can lose power at any byte, and the owner who signs.
import os
import struct

from byte_memory import Memory
from core import command_table, layout, mac, ports, record
from core.commands import Commands
from core.dictionary import Dictionary
from core.event_table import EVENTS
from core.keys import Keys
from core.parameter_table import PARAMETERS
from core.hk_table import COMMON
from core.telemetry import Set
from csp import Node
from csp.interface import Interface
from csp.packet import DATA

COMMANDS = command_table.COMMANDS + (
    (0xF0, "ask", (("which", "u8", "", 1, 0, 3),), command_table.READ, "a reading"),
    (0xF1, "set", (("level", "i16", "V", 0.001, -500, 500), ("name", "text", "", 1, 1, 8)), 0, "a change"),
    (0xF2, "slow", (), command_table.READ, "takes its time"),
    (0xF3, "absent", (), command_table.READ, "nobody does it"),
)
KEYS_FILE = "unit_keys.bin"
MARK_FILE = "unit_keys.open"
KEY = bytes(range(32))
OTHER_KEY = bytes(range(100, 132))
GROUND, BENCH, EPS = 10, 30, 2


class Wire(Interface):
    """Gives the node what a test makes, and keeps what the node sends: (dst, dport, sport, data)."""

    def __init__(self, name="WIRE"):
        super().__init__(name)
        self.sent = []

    def send(self, packet, via=-1):
        data = bytes(packet.buffer[DATA : DATA + packet.size - 4])
        self.sent.append((packet.dst, packet.dport, packet.sport, data))
        return True

    def give(self, src, dst, data, sport=20, dport=ports.COMMAND, flags=1):
        node = self.node
        packet = node.take()
        node._fill(packet, dst, dport, data, sport, 2, flags)
        packet.src = src
        node._finish(packet)
        node.arrived(packet, self)
        node.process()


class Parts:
    LEVELS = ((5, 6), (7, 8))


class Clock:
    def __init__(self):
        self.seconds = 0


class Board:
    """As much of core.board.Board as commands and keys use."""

    def __init__(self, memory, address=EPS, parameters=PARAMETERS):
        self.address = address
        self.parts = Parts
        self.dictionary = Dictionary(
            "eps", Set("eps", COMMON), parameters=parameters, events=EVENTS, commands=COMMANDS
        )
        self.table = self.dictionary.hk
        self.hk = self.table.values()
        self.hooks = []
        self.clock = Clock()
        self.memory = memory
        self.node = Node(address)
        self.wire = Wire()
        self.node.add_interface(self.wire)
        self.survived = []
        self.events = None
        self.faults = 0
        self.seconds = []
        self.keys = None

    def record(self, name, size, offset=0):
        return record.Record(self.memory, layout.region(name)[0] + offset, size)

    def on_second(self, function):
        self.seconds.append(function)

    def before_hk(self, function):
        self.hooks.append(function)

    def survive(self, name, error):
        self.survived.append((name, error))

    def fault(self):
        self.faults += 1


def provision(keys=((0, KEY),)):
    """Writes the board's key file: (slot, key) each."""
    from binascii import crc32

    table = bytearray(136)
    for slot, key in keys:
        table[slot * 34 + 2 : slot * 34 + 34] = key
    with open(KEYS_FILE, "wb") as file:
        file.write(bytes(table) + struct.pack(">I", crc32(table)))


def forget():
    for name in (KEYS_FILE, MARK_FILE, KEYS_FILE + ".new", KEYS_FILE + ".fresh"):
        try:
            os.remove(name)
        except OSError:
            pass


class Owner:
    """Signs commands. Keeps no numbers of its own: it uses those that the board shows."""

    def __init__(self, key=KEY, slot=0, src=GROUND):
        self.both = mac.pads(key)
        self.slot = slot
        self.src = src

    def sign(self, number, body, dst=EPS, sport=20, dport=ports.COMMAND, src=None, slot=None):
        slot = self.slot if slot is None else slot
        head = bytearray(mac.HEAD_SIZE)
        mac.head_into(head, self.src if src is None else src, dst, dport, sport, slot, number)
        return struct.pack(">BI", slot, number) + mac.hmac(self.both, head, body)[:16] + body


class World:
    """A board that can be switched off and on. memory: None when its FRAM is dead."""

    def __init__(self, memory=None, dead=False):
        self.memory = None if dead else memory or Memory(layout.END)
        self.ran = []
        self.owner = Owner()
        self.boot()

    def boot(self):
        self.board = Board(self.memory)
        self.wire = self.board.wire
        self.keys = self.board.keys = Keys(self.board, KEYS_FILE, MARK_FILE)
        self.commands = self.board.commands = Commands(self.board)
        self.commands.add(self)

    def do_set(self, values, request):
        self.ran.append(values)
        return b"\x12\x34"

    do_ask = do_set

    def second(self):
        self.board.clock.seconds += 1
        for function in self.board.seconds:
            function()

    def give(self, frame, src=GROUND, sport=20, dst=EPS, dport=ports.COMMAND, flags=1):
        """What the board answers to a frame: (status, reason or data), None when it keeps silent."""
        self.wire.sent.clear()
        self.wire.give(src, dst, frame, sport, dport, flags)
        if not self.wire.sent:
            return None
        data = self.wire.sent[-1][3]
        return data[5], data[6] if data[5] >= command_table.REFUSED else data[6:]

    def change(self, level=1):
        return self.commands.encode("set", level, "x")

    def recover(self, owner=None, following=None):
        """The owner opens his slot by the challenge that the board shows. The board's answer."""
        owner = owner or self.owner
        known = self.keys._slots[owner.slot].window.next if following is None else following
        body = self.commands.encode("slot_recover", known, self.keys.challenge(owner.slot))
        return self.give(owner.sign(known, body, src=owner.src), owner.src)

    def obeys(self, owner=None):
        """True when the owner's next command, with the number that the board shows, is done."""
        owner = owner or self.owner
        if self.keys.next(owner.slot) is None and self.recover(owner)[0] != command_table.COMPLETED:
            return False
        before = len(self.ran)
        frame = owner.sign(self.keys.next(owner.slot), self.change())
        return self.give(frame, owner.src)[0] == command_table.COMPLETED and len(self.ran) == before + 1
