# Parameters of a board: settings that the ground may change, typed, in a range, kept (DESIGN, rule 5).
# The tables: core/parameter_table.py, <role>/parameter_table.py.
#
#  byte  type  field            record "params"
#   0    u8    count            of the entries that follow
#   1          entries, ROOM times 8 bytes
#   +0   u32   name             CRC-32 of the parameter's name
#   +4   i32   value            raw
#
# Only what differs from its default is kept. Entries of names that this firmware does not know stay for the one that
# does. A record that cannot be read, or a value out of its range, is the default.
# A risky change is in force at once and kept only when it is confirmed: within CONFIRM_S, else it is taken back; a
# reset takes it back too, since nothing was kept.
import struct
from array import array
from binascii import crc32
from core.command_codes import ARGUMENT, NOT_FOUND, STATE
from core.commands import Refused
from core.event_codes import PARAM_REVERTED, PARAM_SET
from core.lines import position
from core.settings import HIGHEST, LOWEST, NAME, RISKY, default
from micropython import const

ROOM = const(60)
CONFIRM_S = const(600)
_SIZE = const(481)
_ENTRY = ">Ii"
_ENTRY_SIZE = const(8)

CHANGED = const(1)      # flags of an answer: it is not the default
UNCONFIRMED = const(2)  # it will be taken back
UNKEPT = const(4)       # the memory did not take it: the next reset forgets it

LIST_LAYOUT = ">BBH"    # answer to param_list: count of all, seconds left to confirm / 4, hash; then VALUE each
VALUE_LAYOUT = ">iB"    # value, flags
LIST_SIZE = const(4)
VALUE_SIZE = const(5)
LIST_MOST = const(40)   # values in an answer


class Params:
    """hash: 16 bits over all values in force. seconds_left: to confirm risky changes, 0 when there are none."""

    def __init__(self, board):
        self._board = board
        self._table = board.dictionary.parameters
        self._defaults = [default(line, board.parts) for line in self._table]
        self._values = list(self._defaults)
        self._kept = list(self._defaults)  # what a reset brings back
        self._names = array("I", [crc32(line[NAME].encode()) & 0xFFFFFFFF for line in self._table])
        self._functions = [None] * len(self._table)
        self._record = board.record("params", _SIZE)
        self._unkept = False
        self.seconds_left = 0
        if self._record.load():
            self._load()
        self._values[:] = self._kept
        self._rehash()
        board.hk_period_s = self.get("hk_period")
        self.on_change("hk_period", self._hk_period)
        board.on_second(self._second)
        self._hk_at = board.table.index("params")
        board.before_hk(self._tell)
        commands = board.commands
        if commands is not None:
            commands.add(self)

    def index(self, name):
        """Position of a parameter. KeyError: there is none of this name."""
        return position(self._table, NAME, name)

    def at(self, position):
        """The raw value at a position."""
        return self._values[position]

    def get(self, name):
        """The raw value. KeyError: there is none of this name."""
        return self._values[self.index(name)]

    def on_change(self, name, function):
        """function(raw value) is called after each change. KeyError: there is none of this name."""
        self._functions[self.index(name)] = function

    def set(self, name, value):
        """Puts a raw value in force and keeps it, or waits for its confirmation. KeyError; ValueError: out of range."""
        k = self.index(name)
        if not self._fits(k, value):
            raise ValueError("%s = %s" % (name, value))
        self._put(k, value)
        if self._table[k][RISKY]:
            self.seconds_left = CONFIRM_S if self._unconfirmed() else 0
        else:
            self._kept[k] = value
            self._save()
        if self._board.events is not None:
            self._board.events.emit(PARAM_SET, k, value)

    def confirm(self):
        """Keeps the risky changes."""
        self._kept[:] = self._values
        self.seconds_left = 0
        self._save()

    def revert(self):
        """Takes back the risky changes that were not confirmed."""
        self.seconds_left = 0
        count = 0
        for k, value in enumerate(self._kept):
            if value != self._values[k]:
                self._put(k, value)
                count += 1
        if count and self._board.events is not None:
            self._board.events.emit(PARAM_REVERTED, count)

    # --- inside ---

    def _tell(self):
        self._board.hk[self._hk_at] = self.hash

    def _hk_period(self, value):
        self._board.hk_period_s = value

    def _fits(self, k, value):
        line = self._table[k]
        return type(value) is int and line[LOWEST] <= value <= line[HIGHEST]

    def _put(self, k, value):
        self._values[k] = value
        self._rehash()
        if self._functions[k] is not None:
            try:
                self._functions[k](value)
            except Exception as error:
                self._board.survive("params", error)

    def _unconfirmed(self):
        return self._values != self._kept

    def _rehash(self):
        crc = 0
        for value in self._values:
            crc = crc32(struct.pack(">i", value), crc)
        self.hash = min(crc & 0xFFFF, 0xFFFE)  # all ones is "not available" in housekeeping

    def _second(self):
        if self.seconds_left:
            self.seconds_left -= 1
            if self.seconds_left == 0:
                self.revert()

    def _entries(self):
        # (name, value) as they stand in the record
        data = self._record.data
        for n in range(min(data[0], ROOM)):
            yield struct.unpack_from(_ENTRY, data, 1 + n * _ENTRY_SIZE)

    def _load(self):
        for name, value in self._entries():
            k = _place(self._names, name)
            if k >= 0 and self._fits(k, value):
                self._kept[k] = value

    def _save(self):
        others = [entry for entry in self._entries() if _place(self._names, entry[0]) < 0]
        data = self._record.data
        count = 0
        for k, value in enumerate(self._kept):
            if value != self._defaults[k] and count < ROOM:
                struct.pack_into(_ENTRY, data, 1 + count * _ENTRY_SIZE, self._names[k], value)
                count += 1
        for entry in others[: ROOM - count]:
            struct.pack_into(_ENTRY, data, 1 + count * _ENTRY_SIZE, *entry)
            count += 1
        data[0] = count
        self._unkept = not self._record.save()

    # --- commands ---

    def _flags(self, k):
        flags = CHANGED if self._values[k] != self._defaults[k] else 0
        if self._values[k] != self._kept[k]:
            flags |= UNCONFIRMED
        return flags | (UNKEPT if self._unkept and flags else 0)

    def _named(self, name):
        try:
            return self.index(name)
        except KeyError:
            raise Refused(NOT_FOUND)

    def _answer(self, k):
        return struct.pack(VALUE_LAYOUT, self._values[k], self._flags(k))

    def do_param_list(self, values, request):
        first = values[0]
        last = min(len(self._table), first + LIST_MOST)
        answer = bytearray(LIST_SIZE + max(0, last - first) * VALUE_SIZE)
        struct.pack_into(LIST_LAYOUT, answer, 0, len(self._table), (self.seconds_left + 3) // 4, self.hash)
        for k in range(first, last):
            at = LIST_SIZE + (k - first) * VALUE_SIZE
            struct.pack_into(VALUE_LAYOUT, answer, at, self._values[k], self._flags(k))
        return answer

    def do_param_get(self, values, request):
        return self._answer(self._named(values[0]))

    def do_param_set(self, values, request):
        value, name = values
        k = self._named(name)
        if not self._fits(k, value):
            raise Refused(ARGUMENT, 0)
        self.set(name, value)
        return self._answer(k)

    def do_param_default(self, values, request):
        name = values[0]
        if name:
            k = self._named(name)
            self.set(name, self._defaults[k])
            return self._answer(k)
        for k, line in enumerate(self._table):
            if self._values[k] != self._defaults[k]:
                self.set(line[NAME], self._defaults[k])

    def do_param_confirm(self, values, request):
        if not self._unconfirmed():
            raise Refused(STATE)
        self.confirm()
        return bytes((UNKEPT if self._unkept else 0,))

    def do_param_revert(self, values, request):
        if not self._unconfirmed():
            raise Refused(STATE)
        self.revert()


def _place(names, crc):
    for k in range(len(names)):
        if names[k] == crc:
            return k
    return -1
