# Limits of housekeeping values: a value that stays out of its range for a time is an event and may start an action.
#
#  In <role>/dictionary.py: (field, lowest or None, highest or None, persistence s, hysteresis, severity, action)
#   Raw integers. Out of range for the persistence: event limit_warning or limit_error by the severity, and the action
#   is run: None, a command's name, or ("sequence_run", 3). Back within lowest + hysteresis .. highest - hysteresis:
#   event limit_over.
#
# Looked at after each packet of housekeeping; those whose persistence is shorter than that, each second. A value that
# is not available changes nothing. A limit that was switched off stays off through resets; without a record all are on.
#
#  byte  type  field           record "limits"
#   0    u16   off             bit k: limit k of the table
import struct
from array import array
from micropython import const
from core import event_codes
from core.command_codes import NOT_FOUND, REFUSED, STORAGE

MOST = const(16)           # limits of a board
SIZE = const(2)

_EACH_SECOND_S = const(20)  # persistence below which a limit is looked at each second

_IN, _LEAVING, _OUT = const(0), const(1), const(2)


class Limits:
    """board.limits. over: mask, bit k: limit k is exceeded. off: mask of those that are not looked at.

    failed: actions that were not done.
    """

    def __init__(self, board):
        self._board = board
        lines = list(board.dictionary.limits)[:MOST]
        hk = board.dictionary.hk
        count = len(lines)
        self._at = bytes([hk.index(line[0]) for line in lines])
        self._table = tuple([tuple(line[1:6]) for line in lines])
        self._state = bytearray(count)
        self._since = array("I", bytes(4 * count))  # uptime in s when it left
        self._actions = [self._encode(line[6]) for line in lines]
        self._quick = bytes([k for k in range(count) if lines[k][3] < _EACH_SECOND_S])
        self.over = self.off = self.failed = 0
        self._record = board.record("limits", SIZE)
        if self._record.load():
            self.off = struct.unpack(">H", self._record.data)[0] & ((1 << count) - 1)
        board.after_hk(self._check_all)
        if self._quick:
            board.on_second(self._check_quick)
        board.commands.add(self)

    def check(self, k):
        """Looks at one limit."""
        if self.off >> k & 1:
            return
        board = self._board
        lowest, highest, persistence_s, hysteresis, severity = self._table[k]
        value = board.hk[self._at[k]]
        state = self._state[k]
        if value is None:
            if state == _LEAVING:
                self._state[k] = _IN
            return
        if state == _OUT:
            if (lowest is None or value >= lowest + hysteresis) and (highest is None or value <= highest - hysteresis):
                self._state[k] = _IN
                self.over &= ~(1 << k)
                board.event(event_codes.LIMIT_OVER, k, value)
            return
        if (lowest is None or value >= lowest) and (highest is None or value <= highest):
            self._state[k] = _IN
            return
        if state == _IN:
            self._state[k] = _LEAVING
            self._since[k] = board.uptime_s
        if board.uptime_s - self._since[k] >= persistence_s:
            self._state[k] = _OUT
            self.over |= 1 << k
            error = severity >= event_codes.ERROR
            board.event(event_codes.LIMIT_ERROR if error else event_codes.LIMIT_WARNING, k, value)
            self._act(k)

    def enable(self, k, on):
        """Switches a limit on or off, kept through resets; False when that could not be kept. IndexError: no such."""
        if not 0 <= k < len(self._table):
            raise IndexError("limit %d" % k)
        off = self.off & ~(1 << k) if on else self.off | 1 << k
        struct.pack_into(">H", self._record.data, 0, off)
        kept = self._record.save()
        self.off = off
        self._state[k] = _IN
        self.over &= ~(1 << k)
        return kept

    def _check_all(self, packet):
        for k in range(len(self._table)):
            self.check(k)

    def _check_quick(self):
        for k in self._quick:
            self.check(k)

    def _encode(self, action):
        if action is None:
            return None
        return self._board.commands.encode(*((action,) if isinstance(action, str) else action))

    def _act(self, k):
        body = self._actions[k]
        if body is None:
            return
        status, reason = self._board.commands.run(body)
        if status >= REFUSED:
            self.failed = min(self.failed + 1, 0xFFFF)
            self._board.event(event_codes.LIMIT_ACTION, k, reason)

    # Commands.

    def do_limit_state(self, values, request):
        # number of limits u8, exceeded u16, switched off u16
        return struct.pack(">BHH", len(self._table), self.over, self.off)

    def do_limit_enable(self, values, request):
        from core.commands import Failed, Refused

        try:
            kept = self.enable(values[0], bool(values[1]))
        except IndexError:
            raise Refused(NOT_FOUND)
        if not kept:
            raise Failed(STORAGE)
