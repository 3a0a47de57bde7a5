# Holds after separation, CubeSat Design Specification: no deployable for 30 minutes, no RF for 45 (DESIGN, "Modes
# and holds").
#
# Powered time counts, through any reset: a boot loop ends the hold too. The remove-before-flight pin inserted, or both
# separation switches pressed, sets it back to zero. An unreadable record means a full hold, once. It is the mission
# clock too.
#
# While the FRAM does not answer, a file keeps it, coarsely: so a boot loop ends a hold then, too. It is believed only
# where the FRAM does not answer, and deleted as soon as that takes a save.
#
#  byte  type  field            record "hold"
#   0    u32   elapsed          powered seconds since separation
#   4    u16   remainder        milliseconds
#
#  byte  type  field            the file, big-endian
#   0    u32   elapsed          as above
#   4    u32   CRC-32           of bytes 0 .. 4
import os
import struct
import time
from binascii import crc32
from micropython import const

SIZE = const(6)
FILE = "hold.bin"  # beside config.json
_LAYOUT = ">IH"

# The rule plus a tenth of a percent: a fast clock must not end a hold early (crystals are good for 0.01 %).
DEPLOY_S = const(1802)
RF_S = const(2703)

_SAVE_MS = const(500)         # saved at every update (1 s) until both holds are over
_SAVE_LATER_MS = const(9500)  # then every 10 s
_SPARE_S = const(5)           # between writes of the file: 540 in a hold
_SAME = const(3)              # equal readings in a row that are believed, one each update
_BOOT_READINGS = const(5)     # readings at boot, all equal
_BOOT_GAP_MS = const(10)      # contact bounce of a microswitch is below 10 ms
_UNSURE = const(60)           # updates: switches that bounce a minute long are not held down by a pod


class Switches:
    """RBF and separation switches: machine.Pin inputs (1 = inserted, pressed), or None where a board has none.

    pressed: the last reading that was believed. known: False until one was.
    """

    def __init__(self, rbf=None, sep1=None, sep2=None):
        self._rbf = rbf
        self._sep1 = sep1
        self._sep2 = sep2
        self._last = self._read()
        self._same = 1
        self._unsure = 0
        self.pressed = False
        self.known = True
        for _ in range(_BOOT_READINGS - 1):
            time.sleep_ms(_BOOT_GAP_MS)
            if self._read() != self._last:
                self.known = False
        if self.known:
            self.pressed = self._last

    def update(self):
        """One reading. A change is believed when it stays."""
        reading = self._read()
        if reading == self._last:
            if self._same < _SAME:
                self._same += 1
        else:
            self._last = reading
            self._same = 1
        if self._same >= _SAME:
            self.pressed = reading
            self.known = True
        elif not self.known:
            self._unsure += 1
            if self._unsure >= _UNSURE:
                self.known = True

    def _read(self):
        if self._rbf is not None and self._rbf.value():
            return True
        return (
            self._sep1 is not None
            and self._sep2 is not None
            and bool(self._sep1.value())
            and bool(self._sep2.value())
        )


class Spare:
    """The file at `path`, for a memory that does not answer."""

    def __init__(self, path):
        self._path = path
        self._kept = -_SPARE_S  # seconds written in this boot
        self._there = True      # for all that is known

    def load(self):
        """Seconds, 0 when there are none or they are not whole."""
        try:
            with open(self._path, "rb") as file:
                data = file.read()
        except OSError:
            return 0
        if len(data) != 8:
            return 0
        seconds, check = struct.unpack(">II", data)
        return seconds if check == crc32(data[:4]) else 0

    def keep(self, seconds):
        kept = self._kept
        if seconds >= kept and (seconds < kept + _SPARE_S or kept >= RF_S):
            return
        data = struct.pack(">I", seconds)
        try:
            with open(self._path, "wb") as file:
                file.write(data + struct.pack(">I", crc32(data)))
        except OSError:
            return
        self._kept = seconds
        self._there = True

    def forget(self):
        if self._there:
            self._there = False
            self._kept = -_SPARE_S
            try:
                os.remove(self._path)
            except OSError:  # it was not there
                pass


class Hold:
    """Counts powered time since separation. record: core.record.Record of SIZE bytes. spare: Spare, or None.

    elapsed_s: powered seconds since separation. restarted: the record was unreadable at this boot. stale: the memory
    does not hold what we do.
    """

    def __init__(self, record, switches, spare=None):
        self.record = record
        self._spare = spare
        self._switches = switches
        self.elapsed_s = 0
        self._ms = 0
        self._unsaved_ms = _SAVE_MS  # the first update saves: a board that lives for half a second gets on too
        self.restarted = not self._load()
        if self.restarted and spare is not None and not record.answered:
            self.elapsed_s = spare.load()
        self.stale = self.restarted
        if switches.known and switches.pressed:
            self._clear()

    @property
    def stopped(self):
        """True while RBF or both switches keep the time at zero, and while their state is not known."""
        return self._switches.pressed or not self._switches.known

    @property
    def deploy_allowed(self):
        """True when 30 minutes are over: deployables may be released."""
        return self.elapsed_s >= DEPLOY_S and not self.stopped

    @property
    def rf_allowed(self):
        """True when 45 minutes are over: transmitters may be keyed."""
        return self.elapsed_s >= RF_S and not self.stopped

    def update(self, passed_ms):
        """Call every second with the milliseconds of powered time that passed."""
        self._switches.update()
        if self._switches.pressed:
            self._clear()
            return
        self._ms += passed_ms
        if self._ms >= 1000:
            self.elapsed_s += self._ms // 1000
            self._ms %= 1000
        self._unsaved_ms += passed_ms
        if self._unsaved_ms >= (_SAVE_MS if self.elapsed_s < RF_S + 2 else _SAVE_LATER_MS):
            self._save()

    def _clear(self):
        if self.elapsed_s or self._ms or self.stale:
            self.elapsed_s = 0
            self._ms = 0
            self._save()

    def _save(self):
        self._unsaved_ms = 0
        struct.pack_into(_LAYOUT, self.record.data, 0, self.elapsed_s, self._ms)
        self.stale = not self.record.save()
        spare = self._spare
        if spare is None:
            return
        if self.stale:
            spare.keep(self.elapsed_s)
        else:
            spare.forget()

    def _load(self):
        if not self.record.load():
            return False
        elapsed_s, ms = struct.unpack(_LAYOUT, self.record.data)
        if ms >= 1000:
            return False
        self.elapsed_s = elapsed_s
        self._ms = ms
        return True
