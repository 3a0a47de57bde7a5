"""Playback of a recorded AIS receiver log (NMEA 0183 lines) into the sensor board's UART.

Every line goes to the UART as it stands, malformed ones too: the flight decoder must live with them and counts them.
What comes before a sentence (a tag block, a time) stays on the host, as a receiver's UART does not carry it.

Time, in this order: the tag block's `c:` (unix seconds, or milliseconds when 13 digits), a number of unix seconds
before the sentence or after its checksum (as receivers and gpsd's loggers write), or none: then lines come at a
fixed rate. The first time in the log is played at start_s; time that goes backwards counts as no time passed.
"""

import re
from pathlib import Path

from dragonet.errors import UserError

RATE_HZ = 5.0  # lines a second of a log without times
LINE_MAX = 256  # bytes of one line; longer ones are cut here, as no receiver sends them

_TAG_TIME = re.compile(rb"^\\[^\\]*\bc:(\d{9,13})[^\\]*\\")
_TIME_BEFORE = re.compile(rb"^[^!]*?(?<!\d)(\d{9,10}(?:\.\d+)?|\d{13})(?!\d)[^!]*!")
_TIME_AFTER = re.compile(rb"\*[0-9A-Fa-f]{2}[,;\s]+(\d{9,10}(?:\.\d+)?|\d{13})\s*$")
_SENTENCE = re.compile(rb"![A-Z]{2}VD[MO],[^*\r\n]*\*[0-9A-Fa-f]{2}")

_TEXT = bytes(range(32, 127)) + b"\r\n\t"
_NOT_TEXT_SHARE = 0.3  # of a file's beginning: what is more is no log of sentences (random bytes have 0.61)


def require_text(beginning: bytes, name: str) -> None:
    """UserError when a file's beginning is not text."""
    strange = len(beginning.translate(None, _TEXT))
    if strange > _NOT_TEXT_SHARE * len(beginning):
        raise UserError(
            f"{name}: not a log of NMEA sentences ({strange} of its first {len(beginning)} bytes are not text); "
            "give a file with lines like !AIVDM,1,1,,A,...,0*hh"
        )


def _checksum_good(sentence: bytes) -> bool:
    check = 0
    for byte in sentence[1:-3]:
        check ^= byte
    return check == int(sentence[-2:], 16)


class AisLog:
    """A recorded log. start_s: mission time of its first line, in seconds; rate_hz: lines a second without times.

    lines, malformed: how many of them there are. UserError: unreadable, not text, or without any AIS sentence.
    """

    def __init__(self, path: str | Path, start_s: float = 0.0, rate_hz: float = RATE_HZ):
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}; name a file of NMEA sentences") from None
        require_text(data[:65536], str(path))
        self._times: list[float] = []
        self._lines: list[bytes] = []
        self.malformed = 0
        first: float | None = None  # unix time of the first line that has one
        now = start_s
        for line in data.splitlines():
            line = line[:LINE_MAX].strip()
            if not line:
                continue
            at = _unix_time(line)
            if at is None:
                now = now if first is not None else start_s + len(self._lines) / rate_hz
            else:
                if first is None:
                    first = at - (now - start_s)
                now = max(now, start_s + at - first)
            sentence = _SENTENCE.search(line)
            if sentence is not None and _checksum_good(sentence.group()):
                line = sentence.group()
            else:
                self.malformed += 1
            self._times.append(now)
            self._lines.append(line + b"\r\n")
        self.lines = len(self._lines)
        if self.lines == self.malformed:
            raise UserError(
                f"{path}: no AIS sentence in its {self.lines} lines; give a file with lines like !AIVDM,1,1,,A,...,0*hh"
            )
        self._next = 0

    @property
    def end_s(self) -> float:
        """Mission time of the last line."""
        return self._times[-1]

    def heard(self, t0_s: float, t1_s: float, *_where: float) -> list[tuple[float, bytes]]:
        """Lines of t0_s <= time < t1_s with their times; call it with growing times, as `ships.Fleet.heard`."""
        heard: list[tuple[float, bytes]] = []
        while self._next < self.lines and self._times[self._next] < t1_s:
            heard.append((max(t0_s, self._times[self._next]), self._lines[self._next]))
            self._next += 1
        return heard


def _unix_time(line: bytes) -> float | None:
    for pattern in (_TAG_TIME, _TIME_BEFORE, _TIME_AFTER):
        found = pattern.search(line)
        if found is not None:
            text = found.group(1)
            return int(text) / 1000.0 if len(text) == 13 and b"." not in text else float(text)
    return None
