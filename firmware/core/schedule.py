# Commands at a time, at a mission time or after an event. Stored sequences: core/sequences.py.
#
#  byte  type  field            an entry: in core/cells.py, after its number in the answer to schedule_read
#   0    u8    kind             AT (seconds since 2000, board.time), MISSION (powered seconds), EVENT
#   1    u8    flags            LATE, OFF; the board's own: FIRED, BEGUN, AGAIN
#   2    u8    event            EVENT: its number
#   3    u8    value            EVENT: only when its a is this; 255: any
#   4    u32   due              when it is next; EVENT: mission time, once it happened (FIRED)
#   8    u32   period           s; 0: once. EVENT: delay from the event
#  12    u16   left             executions that are left; 0: without end
#  14    u8    n                bytes of the command
#  15    25    command          opcode and arguments, the rest 0
#
# All big-endian. An entry that comes up more than GRACE_S late, since the board was off or its time stood behind, is
# missed: skipped, or done at once with LATE. Begun is written before it is done: cut by a reset it is given up, or done
# once more with LATE. Never more often, so a command that resets the board is no boot loop; and none is done in the
# first QUIET_S after a boot, so that one which resets it at each boot can be deleted. Time that went back does not
# repeat what was done. What happens is an event: schedule_done with the status, missed or cut.
import struct
from array import array
from core import arguments, layout
from core.cells import OVERHEAD, Cells
from core import command_codes as codes
from core.commands import Failed, Refused
from core.event_codes import BOOT, SCHEDULE_CUT, SCHEDULE_DONE, SCHEDULE_MISSED, SCHEDULE_STORAGE
from core.sequences import CELLS as SEQUENCE_CELLS
from core.sequences import CELL_SIZE as SEQUENCE_SIZE
from core.sequences import Sequences
from micropython import const

AT, MISSION, EVENT = const(0), const(1), const(2)
LATE, OFF, FIRED, BEGUN, AGAIN = const(1), const(2), const(4), const(8), const(16)
ENTRIES = const(16)
GRACE_S = const(60)          # more than core/time_sync.py may be behind after a reset
QUIET_S = const(30)          # less than GRACE_S: what came up meanwhile is not missed
COMMAND_LAST = const(25)     # bytes
BODY_SIZE = const(40)
LAYOUT = ">BBBBIIHB"

ANY = const(255)

_HEAD = const(15)
_CELLS = const(17)           # ENTRIES and the free one
_GIVEN = const(3)            # LATE | OFF: flags that a command may set
_HEADS = const(4)            # bytes
_NEVER = const(-1)
_A_SECOND = const(4)         # executions in one
_ANSWER = const(4)           # entries in one answer
_TRIES = const(3)            # to read an entry that is due, and to write that it is begun or done


class Schedule:
    """board.schedule. done, missed: entries executed and skipped since boot. sequences: core/sequences.py."""

    def __init__(self, board):
        self._board = board
        address, room = layout.region("schedule")
        entries = _CELLS * (BODY_SIZE + OVERHEAD)
        if room < entries + SEQUENCE_CELLS * (SEQUENCE_SIZE + OVERHEAD):
            raise ValueError("schedule in %d bytes" % room)
        buffer = bytearray(SEQUENCE_SIZE + OVERHEAD)  # of both: what was read is used before anything else is
        self.cells = Cells(board.fram, address, _CELLS, BODY_SIZE, buffer)
        kept = Cells(board.fram, address + entries, SEQUENCE_CELLS, SEQUENCE_SIZE, buffer)
        self.sequences = Sequences(board, kept)
        self._heads = bytearray(_HEADS * _CELLS)  # kind, flags, event and value of each
        self._due = array("I", bytes(4 * _CELLS))
        self._happened = bytearray(_CELLS)  # numbers whose event did, and second() has not written that yet
        self._listening = 0                 # entries that wait for an event
        self._at_s = self._mission_s = _NEVER  # the next due time of each kind
        self._failed = 0
        self.done = self.missed = 0
        broken = self.cells.broken + self.sequences.cells.broken
        if broken:
            board.event(SCHEDULE_STORAGE, broken)
        self._look()
        self.on_event(BOOT, board.cause)
        if board.events is not None:
            board.events.on_event = self.on_event
        board.commands.add(self)
        board.on_second(self.second)

    def run(self, number):
        """Starts stored sequence `number`. False: there is none, it runs already, or too many run."""
        return self.sequences.start(number) == 0

    def on_event(self, number, a):
        """From core/events.py, at each event."""
        if not self._listening:
            return
        heads = self._heads
        for k in range(_CELLS):
            at = _HEADS * k
            if heads[at + 2] == number and heads[at] == EVENT and not heads[at + 1] & (OFF | FIRED):
                if heads[at + 3] == ANY or heads[at + 3] == a:
                    self._remember(self.cells.numbers[k])

    def _remember(self, number):
        happened = self._happened
        for k in range(_CELLS):
            if happened[k] == number:
                return
            if not happened[k]:
                happened[k] = number
                return

    def second(self):
        """Each second: what is due."""
        if self._happened[0]:
            self._note_events()
        left = _A_SECOND
        if self._board.uptime_s >= QUIET_S:
            left = self._do_due(left)
        if self.sequences.running:
            self.sequences.second(left)

    def _do_due(self, left):
        # Entries that are due, `left` at the most; how many more there may be.
        board = self._board
        while left and 0 <= self._mission_s <= board.mission_s and self._one(False, board.mission_s):
            left -= 1
        if self._at_s >= 0 and board.time is not None:
            now = board.time.seconds
            while left and 0 <= self._at_s <= now and self._one(True, now):
                left -= 1
        return left

    # The table in RAM: what each cell waits for.

    def _look(self):
        # Reads all cells anew.
        numbers = self.cells.numbers
        heads = self._heads
        self._listening = 0
        for k in range(_CELLS):
            at = _HEADS * k
            heads[at] = ANY
            if not numbers[k] or not self.cells.read(numbers[k]):
                continue
            body = self.cells.body
            heads[at : at + _HEADS] = body[:_HEADS]
            self._due[k] = struct.unpack_from(">I", body, _HEADS)[0]
            if heads[at] == EVENT and not heads[at + 1] & (OFF | FIRED):
                self._listening += 1
        self._plan()

    def _plan(self):
        at = mission = _NEVER
        for k in range(_CELLS):
            kind = self._waits(k)
            if kind == ANY:
                continue
            due = self._due[k]
            if kind == AT:
                if at < 0 or due < at:
                    at = due
            elif mission < 0 or due < mission:
                mission = due
        self._at_s = at
        self._mission_s = mission

    def _waits(self, k):
        # The kind of the entry in cell k; ANY when there is none, it is off or its event has not happened.
        kind = self._heads[_HEADS * k]
        flags = self._heads[_HEADS * k + 1]
        return ANY if flags & OFF or kind == EVENT and not flags & FIRED else kind

    def _note_events(self):
        # What happened since is written down, with the time at which it will be due.
        cells = self.cells
        for k in range(_CELLS):
            number = self._happened[k]
            self._happened[k] = 0
            if not number or not cells.read(number):
                continue
            body = cells.body
            if body[0] != EVENT or body[1] & (OFF | FIRED):
                continue
            delay = struct.unpack_from(">I", body, 8)[0]
            body[1] |= FIRED
            struct.pack_into(">I", body, 4, min(self._board.mission_s + delay, 0xFFFFFFFF))
            if not cells.write(number):
                self._board.event(SCHEDULE_STORAGE, number)
        self._look()

    # Doing.

    def _one(self, absolute, now):
        # Does the entry that is due first. False when there was none.
        best = -1
        for k in range(_CELLS):
            kind = self._waits(k)
            if kind == ANY or (kind == AT) != absolute:
                continue
            if self._due[k] <= now and (best < 0 or self._due[k] < self._due[best]):
                best = k
        if best < 0:
            return False
        number = self.cells.numbers[best]
        if self.cells.read(number) and self._execute(number, now):
            self._failed = 0
            self._look()
            return True
        self._failed += 1
        if self._failed < _TRIES:
            return False  # again in a second
        self._failed = 0
        self._heads[_HEADS * best] = ANY  # until the next boot
        self._board.event(SCHEDULE_STORAGE, number)
        self._plan()
        return False

    def _execute(self, number, now):
        # False when the memory does not take it: what could not be written down before is not done.
        board = self._board
        body = self.cells.body
        kind, flags, _, _, due, period, left, size = struct.unpack_from(LAYOUT, body, 0)
        if flags & BEGUN and (flags & AGAIN or not flags & LATE):
            board.event(SCHEDULE_CUT, number)
            return self._advance(number, now, True)
        elif not flags & LATE and now - due > GRACE_S:
            self.missed += 1
            board.event(SCHEDULE_MISSED, number, min(now - due, 0x7FFFFFFF))
            return self._advance(number, now, False)
        else:
            body[1] |= AGAIN if flags & BEGUN else BEGUN
            command = bytes(body[_HEAD : _HEAD + size])
            if not self.cells.write(number):
                return False
            status, reason = board.commands.run(command)
            self.done += 1
            board.event(SCHEDULE_DONE, number, status << 8 | reason)
            if self.cells.find(number) >= 0 and self.cells.read(number) and self.cells.body[1] & BEGUN:
                return self._advance(number, now, True)  # else the command itself replaced or deleted it
            return True

    def _advance(self, number, now, counts):
        # body holds the entry. To its next time, or away. False when the memory does not take it.
        body = self.cells.body
        kind, flags, event, value, due, period, left, size = struct.unpack_from(LAYOUT, body, 0)
        again = kind == EVENT or period > 0
        if counts and left:
            left -= 1
            again = again and left > 0
        if not again:
            return self.cells.delete(number)
        if kind == EVENT:
            due = 0
        else:
            due = min(due + ((now - due) // period + 1) * period, 0xFFFFFFFF)
        struct.pack_into(LAYOUT, body, 0, kind, flags & _GIVEN, event, value, due, period, left, size)
        return self.cells.write(number)

    # Commands.

    def do_schedule_add(self, values, request):
        number, kind, flags, event, value, due, period, left, command = values
        check(self._board.dictionary.commands, command)
        if kind == EVENT:
            due = 0
        elif period == 0:
            left = 1
        if self._past(kind, flags, due, period):
            raise Refused(codes.CONTENT, 1)
        body = bytearray(BODY_SIZE)
        struct.pack_into(LAYOUT, body, 0, kind, flags & _GIVEN, event, value, due, period, left, len(command))
        body[_HEAD : _HEAD + len(command)] = command
        cells = self.cells
        if cells.find(number) >= 0:
            if cells.read(number) and cells.body == body:
                return  # the same command again, since its reply was lost
            raise Refused(codes.STATE)
        if not cells.alive:
            raise Refused(codes.STORAGE)
        if cells.kept >= ENTRIES:
            raise Refused(codes.NO_ROOM)
        if not cells.write(number, body):
            raise Failed(codes.STORAGE)
        self._look()

    def _past(self, kind, flags, due, period):
        if kind == EVENT or flags & LATE or period:
            return False
        now = self._board.mission_s
        if kind == AT:
            now = 0 if self._board.time is None else self._board.time.seconds
        return now - due > GRACE_S

    def do_schedule_delete(self, values, request):
        number = values[0]
        if number and self.cells.find(number) < 0:
            raise Refused(codes.NOT_FOUND)
        for one in (number,) if number else bytes(self.cells.numbers):
            if one and not self.cells.delete(one):
                raise Failed(codes.STORAGE)
        self._look()

    def do_schedule_enable(self, values, request):
        number, on = values
        if self.cells.find(number) < 0:
            raise Refused(codes.NOT_FOUND)
        if not self.cells.read(number):
            raise Refused(codes.STORAGE)
        body = self.cells.body
        body[1] = body[1] & ~OFF if on else body[1] | OFF
        if not self.cells.write(number):
            raise Failed(codes.STORAGE)
        self._look()

    def do_schedule_read(self, values, request):
        # u8 number, then the entry; up to _ANSWER of them, by number, from the first after the one asked.
        answer = b""
        number = values[0]
        for _ in range(_ANSWER):
            following = 256
            for one in self.cells.numbers:
                if number < one < following:
                    following = one
            if following == 256:
                break
            number = following
            if self.cells.read(number):
                answer += bytes((number,)) + bytes(self.cells.body)
        return answer


def check(table, command):
    """Refused unless command (opcode and arguments) is one that this board's table has."""
    for line in table:
        if line[0] == command[0]:
            try:
                arguments.unpack(line[2], memoryview(command)[1:])
            except ValueError:
                break
            return
    raise Refused(codes.CONTENT)
