# Events of a board: numbers with a severity and two values (core/event_table.py, <role>/event_table.py), counted, kept
# in a ring that survives power cuts, told to the bus as they happen.
#
#  byte  type  field            an event: in the ring, broadcast to ports.EVENT, in the answer to event_read
#   0    u32   sequence         of the events this board kept
#   4    u32   mission time     powered seconds since separation
#   8    u8    number
#   9    u8    boots            modulo 256
#  10    i32   a
#  14    i32   b
#
# Nothing babbles: of one number at most PER_MINUTE events a minute are kept, the others are only counted; at most
# BURST broadcasts follow each other, then one each ten seconds. Without FRAM the newest TAIL events are in RAM.
import struct
from array import array
from micropython import const
from core import event_codes, layout, ports
from core.ring import Ring

SIZE = const(18)
_DATA = const(14)
_LAYOUT = ">IBBii"

PER_MINUTE = const(6)
BURST = const(6)
TAIL = const(16)

_LOOK_S = const(10)
_MINUTE = const(6)        # looks
_MOST = const(0xFFFF)
_UNTOLD = const(-1)

_NUMBER = const(0)        # positions in an event's entry
_SEVERITY = const(2)

_COUNTS = const(60)       # of an answer
_ENTRIES = const(10)      # of an answer
_SEARCH = const(40)       # sequences that one answer looks for: a read is bounded on a ring full of holes


class Events:
    """board.events. dropped: events that were only counted. unsent: events that were not broadcast. unknown: numbers
    that are in no table; all bounded."""

    def __init__(self, board):
        self._board = board
        count = len(board.dictionary.events)
        self._numbers = bytearray(count)
        self._severities = bytearray(count)
        for k, line in enumerate(board.dictionary.events):
            self._numbers[k] = line[_NUMBER]
            self._severities[k] = line[_SEVERITY]
        self._counts = array("H", bytes(2 * count))
        self._kept = bytearray(count)  # of this minute
        self._tail = bytearray(TAIL * SIZE)
        self._first = 0  # least sequence that the tail may hold
        address, room = layout.region("events")
        self.ring = Ring(board.fram, address, room, _DATA)
        self._tokens = BURST
        self._ticks = 0  # seconds of this minute
        self._faults = 0
        self._others = tuple(board.heard.values())
        self._told = [_UNTOLD] * len(self._others)
        self.dropped = self.unsent = self.unknown = 0
        self.on_event = None  # function(number, a): called at each one, quick
        self.ring.open()
        self._first = self.ring.next
        self.emit(event_codes.BOOT, board.cause, board.boots or 0)
        board.supervisor.on_failure = self._task_failed
        board.on_second(self.second)

    def emit(self, number, a=0, b=0):
        """Something happened. a, b: signed 32 bits, else the nearest. Allocates nothing of its own, never raises."""
        k = self._position(number)
        if k < 0:
            self.unknown = min(self.unknown + 1, _MOST)
            return
        counts = self._counts
        if counts[k] < _MOST:
            counts[k] += 1
        if self.on_event is not None:
            self.on_event(number, a)
        if self._kept[k] >= PER_MINUTE:
            self.dropped = min(self.dropped + 1, _MOST)
            return
        self._kept[k] += 1
        board = self._board
        ring = self.ring
        struct.pack_into(
            _LAYOUT, ring.data, 0, board.mission_s, number, (board.boots or 0) & 0xFF, _i32(a), _i32(b)
        )
        ring.append()
        self._remember(ring.entry)
        severity = self._severities[k]
        if severity >= event_codes.WARNING:
            board.supervisor.event(number)
        if severity >= event_codes.INFO:
            self._tell(ring.entry)

    def count(self, number):
        """How often this event happened since boot, at most 65,535."""
        k = self._position(number)
        return 0 if k < 0 else self._counts[k]

    def second(self):
        """Each second: what no one tells by itself is looked at each ten."""
        self._ticks += 1
        if self._ticks % _LOOK_S:
            return
        if self._tokens < BURST:
            self._tokens += 1
        self._look_at_others()
        if self._ticks >= _LOOK_S * _MINUTE:
            self._ticks = 0
            for k in range(len(self._kept)):
                self._kept[k] = 0
            faults = self._board.all_faults()
            if faults > self._faults:
                self._faults = faults
                self.emit(event_codes.FAULT, faults)

    # Answers.

    def counts(self, first):
        """Answer to event_counts: u16 dropped, u16 unsent, u16 unknown, then u8 number, u16 count from the first-th
        entry of the table on."""
        count = max(0, min(len(self._numbers) - first, _COUNTS))
        answer = bytearray(6 + 3 * count)
        struct.pack_into(">HHH", answer, 0, self.dropped, self.unsent, self.unknown)
        for k in range(count):
            struct.pack_into(">BH", answer, 6 + 3 * k, self._numbers[first + k], self._counts[first + k])
        return answer

    def read(self, sequence):
        """Answer to event_read: u32 sequence to ask for next, u32 sequence after the newest, then whole events."""
        newest = self.ring.next
        at = max(sequence, min(self.ring.oldest, self._first))
        answer = bytearray(8 + _ENTRIES * SIZE)
        size = 8
        last = at + _SEARCH
        while at < newest and at < last and size < len(answer):
            if self._entry_into(at, answer, size):
                size += SIZE
            at += 1
        struct.pack_into(">II", answer, 0, at, newest)
        return memoryview(answer)[:size]

    # Inside.

    def _position(self, number):
        numbers = self._numbers
        for k in range(len(numbers)):
            if numbers[k] == number:
                return k
        return -1

    def _remember(self, entry):
        at = (self.ring.next - 1) % TAIL * SIZE
        tail = self._tail
        for k in range(SIZE):
            tail[at + k] = entry[k]
        self._first = max(self._first, self.ring.next - TAIL)

    def _entry_into(self, sequence, answer, at):
        # True when this event is in the ring, or still in RAM.
        if self.ring.read(sequence):
            answer[at : at + SIZE] = self.ring.found
            return True
        start = sequence % TAIL * SIZE
        if sequence < self._first or struct.unpack_from(">I", self._tail, start)[0] != sequence:
            return False
        answer[at : at + SIZE] = self._tail[start : start + SIZE]
        return True

    def _tell(self, entry):
        sent = False
        if self._tokens:
            self._tokens -= 1
            try:
                sent = self._board.node.broadcast(ports.EVENT, entry)
            except Exception as error:  # whoever tells an event goes on
                self._board.survive("event", error)
        if not sent:
            self.unsent = min(self.unsent + 1, _MOST)

    def _task_failed(self, number, failures):
        self.emit(event_codes.TASK_FAILED, number, failures)

    def _look_at_others(self):
        # Another board of another dictionary is told once, and again when it changes.
        for k in range(len(self._others)):
            other = self._others[k]
            if other.matches or not other.mismatches:
                self._told[k] = _UNTOLD
            elif self._told[k] != other.dictionary:
                self._told[k] = other.dictionary
                self.emit(event_codes.DICTIONARY, other.address, other.dictionary)


def unpack(entry):
    """(sequence, mission time s, number, boots modulo 256, a, b). ValueError: it is no event."""
    if len(entry) != SIZE:
        raise ValueError("event of %d bytes" % len(entry))
    return struct.unpack(">IIBBii", entry)


def _i32(value):
    if type(value) is not int:
        value = 1 if value is True else 0
    return -0x80000000 if value < -0x80000000 else 0x7FFFFFFF if value > 0x7FFFFFFF else value
