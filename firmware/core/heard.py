# What a board heard of another one: its newest heartbeat and housekeeping, with their ages.
from micropython import const
from core import heartbeat

NEVER = const(0x1FFFFFFF)  # seconds: older than any mission, a small integer on 32-bit boards
HK_MAX = const(240)        # bytes of housekeeping kept: what a CSP buffer of 256 carries with its trailers


class Heard:
    """Of one role. mode, reset_cause, boots (modulo 256): its newest heartbeat's, 0 until heard.

    matches: its dictionary is the expected one. mismatches, refused: heartbeats of another dictionary; packets unread.
    address: its CSP address.
    """

    def __init__(self, clock, address=0):
        self._clock = clock
        self.address = address
        self._table = None
        self._hk = None  # packets of a board whose housekeeping nobody here reads are not kept
        self._length = 0
        self._hk_at = None
        self._heartbeat = bytearray(heartbeat.SIZE)
        self._heartbeat_at = None
        self._wanted = None  # hash of its dictionary, as much as stands in a heartbeat
        self.matches = False
        self.mismatches = 0
        self.refused = 0

    def expect(self, table, dictionary):
        """table: telemetry.Set by which value() reads. dictionary: low half of the hash of the role's dictionary."""
        self._table = table
        self._hk = memoryview(bytearray(HK_MAX))
        self._wanted = dictionary

    @property
    def mode(self):
        return heartbeat.unpack(self._heartbeat)[0]

    @property
    def reset_cause(self):
        return heartbeat.unpack(self._heartbeat)[1]

    @property
    def boots(self):
        return heartbeat.unpack(self._heartbeat)[2]

    @property
    def dictionary(self):
        """Low half of its dictionary's hash."""
        return heartbeat.unpack(self._heartbeat)[3]

    @property
    def heartbeat_age_s(self):
        return NEVER if self._heartbeat_at is None else self._clock.seconds - self._heartbeat_at

    @property
    def hk_age_s(self):
        return NEVER if self._hk_at is None else self._clock.seconds - self._hk_at

    @property
    def hk(self):
        """The newest housekeeping packet (memoryview), empty until heard and on a board that does not expect it."""
        return b"" if self._hk is None else self._hk[: self._length]

    def value(self, position):
        """Raw value of its newest housekeeping, None when never heard, not available or of another dictionary."""
        table = self._table
        if table is None or not self.matches or self._length != table.size:
            return None
        return table.get(self._hk, position)

    def on_heartbeat(self, data):
        """True when data was a heartbeat."""
        try:
            heartbeat.check(data)
        except ValueError:
            self.refused += 1
            return False
        for k in range(heartbeat.SIZE):
            self._heartbeat[k] = data[k]
        self._heartbeat_at = self._clock.seconds
        if self._wanted is not None:
            self.matches = heartbeat.dictionary_is(data, self._wanted)
            if not self.matches:
                self.mismatches += 1
        return True

    def on_hk(self, data):
        length = len(data)
        if length > HK_MAX:
            self.refused += 1
            return
        if self._hk is not None:
            self._hk[:length] = data
            self._length = length
        self._hk_at = self._clock.seconds
