# What the guard and the update service know of the slots, kept in FRAM: both read and write this one record.
#
#  byte  type  field            record "update"
#   0    u8    state            of the update that is under way, see STATES
#   1    u8    active           slot that boots while none is on trial; 255 = golden
#   2    u8    other            slot being received or tried; 255 = none
#   3    u8    boots            of a slot in a row without a sign of health, counted before it runs
#   4    u8    result           how the last trial ended, see RESULTS
#   5    u8    good             bit n: the image in slot n was confirmed once
#   6    u16   blocks           erase blocks of `other` that are received whole
#   8    90    slot a           body of its image's manifest; zeros: none
#  98    90    slot b
#
# An older guard must understand what a newer slot writes: a change of this layout is a new version of the record,
# which that guard cannot read, so it runs golden.
import struct
from core import layout
from core.manifest import BODY, Manifest
from core.record import Record
from core.slots import GOLDEN
from micropython import const

SIZE = const(188)
_VERSION = const(2)
_LAYOUT = ">BBBBBBH"
_ENTRIES = const(8)

IDLE, RECEIVING, VERIFIED, TRIAL, CONFIRMED = const(0), const(1), const(2), const(3), const(4)
STATES = ("idle", "receiving", "verified", "trial", "confirmed")

NONE, CONFIRMED_IT, SILENT, CRASHED, BAD_IMAGE, NO_MOUNT, ABORTED, GAVE_UP, CHOSEN, BASE = (
    const(0), const(1), const(2), const(3), const(4), const(5), const(6), const(7), const(8), const(9)
)  # fmt: skip
RESULTS = (
    "none", "confirmed", "not confirmed in time", "boots without confirmation", "image does not match its hash",
    "image does not mount", "aborted", "a confirmed slot did not stay up", "chosen by command",
    "image stands on another golden app",
)  # fmt: skip


def make(memory):
    """The Record of this satellite's layout on `memory`, a FRAM or None."""
    return Record(memory, layout.region("update")[0], SIZE, _VERSION)


class State:
    """record: core.record.Record of SIZE bytes. After load() the fields are what it holds, or a board without slots."""

    def __init__(self, record):
        self.record = record
        self.clear()

    def clear(self):
        """As a board that never had an update."""
        self.state = IDLE
        self.active = self.other = GOLDEN
        self.boots = self.result = self.good = self.blocks = 0
        for k in range(SIZE):
            self.record.data[k] = 0

    def load(self):
        """False, and the fields of clear(), when the record cannot be read or makes no sense."""
        if self.record.load():
            fields = struct.unpack_from(_LAYOUT, self.record.data, 0)
            self.state, self.active, self.other, self.boots, self.result, self.good, self.blocks = fields
            if self._sensible():
                return True
        self.clear()
        return False

    def save(self):
        """False: the record holds what it held before."""
        struct.pack_into(
            _LAYOUT, self.record.data, 0,
            self.state, self.active, self.other, self.boots, self.result, self.good, self.blocks,
        )  # fmt: skip
        return self.record.save()

    def entry(self, number):
        """The manifest's body of slot `number`, as a memoryview."""
        at = _ENTRIES + number * BODY
        return self.record.data[at : at + BODY]

    def manifest(self, number):
        """The Manifest of slot `number`, or None."""
        if number > 1:
            return None
        try:
            return Manifest(self.entry(number))
        except ValueError:
            return None

    def end(self, result):
        """The update is over without a change of what boots."""
        self.state = IDLE
        self.other = GOLDEN
        self.blocks = self.boots = 0
        self.result = result

    def _sensible(self):
        if self.state > CONFIRMED or self.active not in (0, 1, GOLDEN) or self.other not in (0, 1, GOLDEN):
            return False
        busy = self.state in (RECEIVING, VERIFIED, TRIAL)
        return busy == (self.other != GOLDEN) and (not busy or self.other != self.active)
