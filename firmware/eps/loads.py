# Load switches: latching, shed by power level, off at an over-current and tried again with back-off.
#
# The latches hold their state while the MCU is reset, so a board comes back by driving each enable to the state it
# had: loads see no edge. When that state is not known, each load takes its default. The beacon's enable is driven on
# at every start whatever was kept: an EPS that fails after its first line must not have left the satellite mute.
import struct
from eps.levels import FLOOR
from micropython import const

_OVER = const(2)         # readings in a row over the limit: one alone may be an inrush
_STUCK_MA = const(20)    # more than any leakage, and the monitor's offset
_STUCK = const(3)        # readings in a row
_HEALTHY_S = const(600)  # on for so long: the next over-current starts at the first retry time again

#  byte  type  field           record "loads"
#   0    u8    on              bit k: load k
#   1    u16   trips           of each load
_COUNTERS = const(1)


def size(count):
    """Bytes of the record for so many loads."""
    return _COUNTERS + 2 * count


class Load:
    """One switch. on, trips, tripped, shed, stuck."""

    def __init__(self, entry):
        self.name, self.on, self.shed_level, self.limit_ma = entry[:4]
        self._on_s, self._off_s, self._retry_s, self._longest_s = entry[4:]
        self.shed = False
        self.tripped = False
        self.stuck = False
        self.trips = 0
        self._backoff = 0
        self._over = 0
        self._wrong = 0
        self._since_s = None  # of the last change; None: before this boot
        self._retry_at_s = 0

    def measured(self, ma, now_s):
        """A reading of its current; True when it has to be off at once."""
        if not self.on:
            self._over = 0
            self._wrong = self._wrong + 1 if ma > _STUCK_MA else 0
            self.stuck = self._wrong >= _STUCK
            return False
        self._wrong = 0
        self.stuck = False
        self._over = self._over + 1 if ma > self.limit_ma else 0
        if self._backoff and not self._over and now_s - (self._since_s or 0) >= _HEALTHY_S:
            self._backoff = 0
        if self._over < _OVER:
            return False
        self._over = 0
        self.tripped = True
        self.trips = min(self.trips + 1, 0xFFFE)
        self._retry_at_s = now_s + min(self._retry_s << min(self._backoff, 12), self._longest_s)
        self._backoff += 1
        return True

    def decide(self, wanted, level, now_s):
        """What the switch shall be now."""
        self.shed = wanted and level >= self.shed_level
        if self.tripped and now_s >= self._retry_at_s:
            self.tripped = False
        target = wanted and not self.shed and not self.tripped
        if target == self.on:
            return target
        if self._since_s is not None and now_s - self._since_s < (self._on_s if self.on else self._off_s):
            return self.on
        return target

    def switched(self, on, now_s):
        self.on = on
        self._since_s = now_s
        self._over = 0


class Loads:
    """table: parts.LOADS. make_pin(index, on): an enable, driven from its first moment. record: core.record.Record.

    on, shed, tripped, stuck: masks, bit k = load k. restored: the switches' state was known at this boot.
    """

    def __init__(self, table, make_pin, record):
        self._record = record
        self.loads = [Load(entry) for entry in table]
        self.restored = self._load()
        self._pins = [make_pin(k, load.on) for k, load in enumerate(self.loads)]

    @property
    def on(self):
        return self._mask("on")

    @property
    def shed(self):
        return self._mask("shed")

    @property
    def tripped(self):
        return self._mask("tripped")

    @property
    def stuck(self):
        return self._mask("stuck")

    def measured(self, index, ma, now_s):
        """Current of one load in mA, None when not known. True: an over-current; it is off when this returns."""
        load = self.loads[index]
        if ma is None or not load.measured(ma, now_s):
            return False
        self._switch(index, False, now_s)
        self._save()
        return True

    def update(self, wanted, level, now_s):
        """wanted: mask of the loads that the mode asks for. level: power level. now_s: seconds since boot."""
        changed = False
        for k, load in enumerate(self.loads):
            on = load.decide(bool(wanted >> k & 1), level, now_s)
            if on != load.on:
                self._switch(k, on, now_s)
                changed = True
        if changed:
            self._save()

    def _switch(self, index, on, now_s):
        self._pins[index].value(1 if on else 0)
        self.loads[index].switched(on, now_s)

    def _mask(self, name):
        mask = 0
        for k, load in enumerate(self.loads):
            if getattr(load, name):
                mask |= 1 << k
        return mask

    def _load(self):
        if not self._record.load():
            return False
        on = self._record.data[0]
        for k, load in enumerate(self.loads):
            load.on = bool(on >> k & 1) or load.shed_level == FLOOR
            load.trips = struct.unpack_from(">H", self._record.data, _COUNTERS + 2 * k)[0]
        return True

    def _save(self):
        self._record.data[0] = self.on
        for k, load in enumerate(self.loads):
            struct.pack_into(">H", self._record.data, _COUNTERS + 2 * k, load.trips)
        self._record.save()
