# Which sequence numbers of a commander were used: a window that slides over the newest 64 (RFC 4303, 3.4.3).
from core.command_codes import AHEAD, OLD, REPEATED
from micropython import const

SIZE = const(64)
JUMP = const(65_536)    # numbers that may be left out at once: an error must not use up all there are


class Window:
    """next: one above the highest number that was used; it and those after it are acceptable, up to JUMP.

    Numbers are u32; when all were used none is acceptable any more."""

    def __init__(self):
        self._used = bytearray(SIZE // 8)  # bit n % SIZE belongs to number n
        self.start(0)

    def start(self, following):
        """From now on only `following` and what comes after it."""
        self._first = self.next = following

    def check(self, number):
        """0 when the number may be used, or the reason why not."""
        ahead = number - self.next
        if ahead >= 0:
            return 0 if ahead < JUMP else AHEAD
        if number < self._first or ahead < -SIZE:
            return OLD
        return REPEATED if self._used[number % SIZE >> 3] & 1 << (number & 7) else 0

    def take(self, number):
        """The number, which check() found good, is used."""
        used = self._used
        if number >= self.next:
            for skipped in range(max(self.next, number - SIZE), number):
                used[skipped % SIZE >> 3] &= ~(1 << (skipped & 7)) & 0xFF
            self.next = number + 1
        used[number % SIZE >> 3] |= 1 << (number & 7)
