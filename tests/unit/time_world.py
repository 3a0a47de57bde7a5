# Boards on a common bus for tests of time: each has its own oscillator, frames take the time that a test says.
#
# True time is in whole microseconds. `core.timescale` and `core.time_sync` read the ticks of the board that runs.
import struct

from csp.packet import DATA
from core import ports, time_commands, time_sync, timescale
from core.time_sync import Time

_PERIOD = 1 << 30
_HALF = 1 << 29


class Ticks:
    """What `time` is to the modules under test."""

    def __init__(self):
        self.board = None
        self.true_us = 0

    def ticks_us(self):
        return self.board.local(self.true_us) & _PERIOD - 1

    def ticks_add(self, ticks, change):
        return ticks + change & _PERIOD - 1

    def ticks_diff(self, end, start):
        return (end - start + _HALF & _PERIOD - 1) - _HALF


class Memory:
    """One record that outlives resets."""

    def __init__(self):
        self.kept = None

    def record(self, size):
        return Record(self, size)


class Record:
    def __init__(self, memory, size):
        self.memory = memory
        self.data = bytearray(size)
        self.saves = 0

    def load(self):
        if self.memory.kept is None:
            return False
        self.data[:] = self.memory.kept
        return True

    def save(self):
        self.memory.kept = bytes(self.data)
        self.saves += 1
        return True


class Packet:
    def __init__(self, src, dst, data, arrived_us):
        self.src, self.dst = src, dst
        self.buffer = bytearray(DATA) + bytearray(data)
        self.size = len(data)
        self.arrived_us = arrived_us


class Node:
    def __init__(self, world, board):
        self.world, self.board = world, board
        self.services = type("Services", (), {})()
        self.handler = None

    def bind(self, port, handler):
        assert port == ports.TIME
        self.handler = handler

    def send(self, dst, dport, data, sport=63, pri=2):
        self.world.post(self.board, dst, bytes(data))
        return True

    def broadcast(self, dport, data, sport=63, pri=2):
        self.world.post(self.board, 16383, bytes(data))
        return True

    def reply(self, packet):
        self.world.post(self.board, packet.src, bytes(packet.buffer[DATA : DATA + packet.size]))
        return True


class Commands:
    def add(self, service):
        pass


class Board:
    """ppb: how much too fast the oscillator is."""

    published = False

    def __init__(self, world, role, ppb, start_us=0, memory=None):
        self.world = world
        self.address = ports.ADDRESSES[role]
        self.ppb = ppb
        self.start_us = start_us
        self.memory = memory or Memory()
        self.events = []
        self.shown = None
        self.on = False
        self.reset_asked = False
        self.generation = 0

    def local(self, true_us):
        passed = true_us - self.start_us
        return self.first_ticks + passed + passed * self.ppb // 1_000_000_000

    def boot(self):
        self.generation += 1
        self.start_us = self.world.ticks.true_us
        self.first_ticks = self.world.random(_PERIOD)
        self.uptime_s = 0
        self.on = True
        self.reset_asked = False
        self.shown = None
        self.seconds = []
        self.node = Node(self.world, self)
        self.commands = Commands()
        self.world.ticks.board = self
        self.time = Time(self)
        self.world.at(self.start_us + 1000, self.second, self.generation)

    def record(self, name, size):
        return self.memory.record(size)

    def on_second(self, function):
        self.seconds.append(function)

    def event(self, number, a=0, b=0):
        self.events.append((number, a, b))

    def second(self, generation):
        if not self.on or generation != self.generation:
            return
        world = self.world
        world.ticks.board = self
        for function in self.seconds:
            function()
        if self.reset_asked:
            world.resets += 1
            self.boot()
            return
        self.look()
        self.uptime_s += 1
        late_us = world.random(300)
        due = self.start_us + self.uptime_s * 1_000_000 + late_us
        world.at(due - (due - self.start_us) * self.ppb // 1_000_000_000, self.second, generation)

    def look(self):
        """(s, us) shown; raises when that went back."""
        self.world.ticks.board = self
        now = self.time.now()
        if self.shown is not None and now < self.shown:
            raise AssertionError("time went back from %r to %r" % (self.shown, now))
        self.shown = now
        return now

    def command(self, name, *values):
        self.world.ticks.board = self
        return getattr(self.time, "do_" + name)(values, None)


class World:
    """delay(src, dst) -> (us on the way, us from interrupt to handler), or None: lost. seed: of World.random(n)."""

    def __init__(self, seed=1, delay=None):
        self.ticks = Ticks()
        timescale.time = time_sync.time = time_commands.time = self.ticks
        time_sync.machine = self
        self.queue = []
        self.order = 0
        self.boards = []
        self.frames = 0
        self.resets = 0
        self.state = seed & 0x7FFFFFFF or 1
        self.delay = delay or (lambda src, dst: (700 + self.random(300), 120 + self.random(200)))

    def reset(self):  # machine.reset
        self.ticks.board.reset_asked = True

    def random(self, below):
        self.state = (self.state * 1103515245 + 12345) & 0x7FFFFFFF
        return (self.state >> 8) % below

    def board(self, role, ppb=0, start_us=0, memory=None):
        board = Board(self, role, ppb, memory=memory)
        self.boards.append(board)
        self.at(start_us, lambda _: board.boot(), 0)
        return board

    def at(self, true_us, function, argument):
        self.order += 1
        self.queue.append((true_us, self.order, function, argument))

    def post(self, src, dst, data):
        self.frames += 1
        for board in self.boards:
            if board is src or not board.on or dst != board.address and dst != 16383:
                continue
            way = self.delay(src, board)
            if way is None:
                continue
            what = (src, board, data, way[1], board.generation)
            self.at(self.ticks.true_us + way[0], lambda a: self.arrive(*a), what)

    def arrive(self, src, board, data, wait_us, generation):
        if not board.on or board.generation != generation:
            return
        self.ticks.board = board
        packet = Packet(src.address, board.address, data, self.ticks.ticks_us())
        self.at(self.ticks.true_us + wait_us, lambda p: self.handle(board, p, generation), packet)

    def handle(self, board, packet, generation):
        if board.on and board.generation == generation:
            self.ticks.board = board
            board.node.handler(packet)

    def run(self, until_s):
        until_us = int(until_s * 1_000_000)
        while True:
            best = -1
            for k in range(len(self.queue)):
                if best < 0 or self.queue[k][:2] < self.queue[best][:2]:
                    best = k
            if best < 0 or self.queue[best][0] > until_us:
                break
            true_us, _, function, argument = self.queue.pop(best)
            if true_us > self.ticks.true_us:
                self.ticks.true_us = true_us
            function(argument)
        self.ticks.true_us = until_us

    def spread_us(self):
        """Greatest difference between the times that the boards show now."""
        shown = [board.look() for board in self.boards if board.on]
        first = shown[0][0]
        all_us = [(s - first) * 1_000_000 + us for s, us in shown]
        return max(all_us) - min(all_us)


def packed(kind, tag, flags, steps, s, us, held):
    return struct.pack(">BBBBIIH", kind, tag, flags, steps, s, us, held)
