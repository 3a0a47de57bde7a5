# Stored sequences: numbered lists of commands, each some seconds after the one before. Started by sequence_run: from
# the ground, by an entry of core/schedule.py, by another sequence, or by a limit.
#
#  byte  type  field            a sequence: in core/cells.py
#   0    u8    flags            GO_ON: a command that is refused or fails does not end it
#   1    u8    n                bytes of its steps
#   2    n     steps            one after the other:
#   +0   u16   delay            s since the step before, or the start
#   +2   u8    m                bytes of the command
#   +3   m     command          opcode and arguments
#
# All big-endian. Definitions survive a reset; a sequence that runs does not, but an entry with LATE starts it anew.
import struct
from array import array
from core.command_codes import BUSY, CONTENT, NOT_FOUND, NO_ROOM, REFUSED, STORAGE
from core.commands import Failed, Refused
from core.event_codes import SEQUENCE_ENDED, SEQUENCE_STOPPED
from micropython import const

GO_ON = const(1)
CELLS = const(9)             # eight sequences and the free one
CELL_SIZE = const(120)
STEPS_LAST = const(118)      # bytes

_RUNNING = const(4)          # at a time


class Sequences:
    """cells: core.cells.Cells. running: how many do."""

    def __init__(self, board, cells):
        self._board = board
        self.cells = cells
        self.running = 0
        self._numbers = bytearray(_RUNNING)  # 0: a free place
        self._at = bytearray(_RUNNING)       # byte of the next step
        self._steps = bytearray(_RUNNING)    # steps done
        self._revisions = array("H", bytes(2 * _RUNNING))
        self._due = array("I", bytes(4 * _RUNNING))  # uptime of the next step
        board.commands.add(self)

    def start(self, number):
        """0, or the reason why it does not start."""
        if self._place(number) >= 0:
            return BUSY
        if self.cells.find(number) < 0:
            return NOT_FOUND
        if not self.cells.read(number):
            return STORAGE
        for place in range(_RUNNING):
            if not self._numbers[place]:
                self._numbers[place] = number
                self._at[place] = 0
                self._steps[place] = 0
                self._revisions[place] = self.cells.revision
                self._due[place] = self._board.uptime_s + struct.unpack_from(">H", self.cells.body, 2)[0]
                self.running += 1
                return 0
        return NO_ROOM

    def second(self, most):
        """Does the steps that are due, `most` at the most."""
        now = self._board.uptime_s
        for place in range(_RUNNING):
            while most > 0 and self._numbers[place] and self._due[place] <= now:
                most -= 1
                self._step(place, now)

    def _step(self, place, now):
        number = self._numbers[place]
        cells = self.cells
        if not cells.read(number) or cells.revision != self._revisions[place]:
            self._end(place, SEQUENCE_STOPPED, STORAGE)  # replaced, deleted or unreadable
            return
        body = cells.body
        flags, end = body[0], body[1]
        at = self._at[place]
        size = body[2 + at + 2]
        command = bytes(body[2 + at + 3 : 2 + at + 3 + size])
        at += 3 + size
        following = struct.unpack_from(">H", body, 2 + at)[0] if at < end else -1
        status, reason = self._board.commands.run(command)
        if self._numbers[place] != number:
            return  # it stopped itself
        self._steps[place] += 1
        if status >= REFUSED and not flags & GO_ON:
            self._end(place, SEQUENCE_STOPPED, reason)
        elif following < 0:
            self._end(place, SEQUENCE_ENDED, 0)
        else:
            self._at[place] = at
            self._due[place] = now + following

    def _end(self, place, event, reason):
        number = self._numbers[place]
        self._numbers[place] = 0
        self.running -= 1
        self._board.event(event, number, self._steps[place] << 8 | reason)

    # Commands.

    def do_sequence_store(self, values, request):
        number, flags, steps = values
        cells = self.cells
        if not len(steps):
            if cells.find(number) < 0:
                raise Refused(NOT_FOUND)
            if not cells.delete(number):
                raise Failed(STORAGE)
            return
        self._check(steps)
        body = bytes((flags, len(steps))) + bytes(steps)
        if cells.find(number) < 0 and cells.kept >= CELLS - 1:
            raise Refused(NO_ROOM)
        if not cells.alive:
            raise Refused(STORAGE)
        if not cells.write(number, body):
            raise Failed(STORAGE)

    def _check(self, steps):
        # Each step whole and a command of this board; the detail of a refusal is the step, from 1 on.
        from core.schedule import check

        at, step = 0, 0
        while at < len(steps):
            step += 1
            size = steps[at + 2] if at + 3 <= len(steps) else 0
            if size == 0 or at + 3 + size > len(steps):
                raise Refused(CONTENT, step)
            try:
                check(self._board.dictionary.commands, steps[at + 3 : at + 3 + size])
            except Refused:
                raise Refused(CONTENT, step)
            at += 3 + size

    def do_sequence_read(self, values, request):
        # flags, n and the steps
        number = values[0]
        if self.cells.find(number) < 0:
            raise Refused(NOT_FOUND)
        if not self.cells.read(number):
            raise Failed(STORAGE)
        return bytes(self.cells.body[: 2 + self.cells.body[1]])

    def do_sequence_list(self, values, request):
        # u8 number, u8 bytes of its steps, u8 steps done or 255 when it does not run
        answer = b""
        for number in sorted(self.cells.numbers):
            if number and self.cells.read(number):
                place = self._place(number)
                done = 255 if place < 0 else min(self._steps[place], 254)
                answer += bytes((number, self.cells.body[1], done))
        return answer

    def do_sequence_run(self, values, request):
        reason = self.start(values[0])
        if reason:
            raise Refused(reason)

    def do_sequence_stop(self, values, request):
        number = values[0]
        if number and self._place(number) < 0:
            raise Refused(NOT_FOUND)
        for place in range(_RUNNING):
            if self._numbers[place] and number in (0, self._numbers[place]):
                self._end(place, SEQUENCE_STOPPED, 0)

    def _place(self, number):
        for place in range(_RUNNING):
            if self._numbers[place] == number:
                return place
        return -1
