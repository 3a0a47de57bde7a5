"""Playback of a recorded AIS receiver log (NMEA 0183 lines) into the sensor board's UART.

Every line goes to the UART as it stands, malformed ones too: the flight decoder must live with them and counts them.
What comes before a sentence (a tag block, a time) stays on the host, as a receiver's UART does not carry it.

Time, in this order: the tag block's `c:` (unix seconds, or milliseconds when 13 digits), a number of unix seconds
before the sentence or after its checksum (as receivers and gpsd's loggers write), or none: then lines come at a
fixed rate. Time that goes backwards counts as no time passed, and a silence of more than GAP_S as that long.

The log begins when the receiver is first switched on and stands still while it is off: a receiver that is off records
nothing, so nothing of the log is lost.
"""

import re
from pathlib import Path

from dragonet.errors import UserError

RATE_HZ = 5.0  # lines a second of a log without times
GAP_S = 600.0  # s: a recording that was interrupted for longer goes on after this time
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
    """A recorded log. rate_hz: lines a second of a log without times.

    lines, malformed: how many of them there are; played: how many heard() gave so far. length_s: from the first to the
    last. UserError: unreadable, not text, or without any AIS sentence.
    """

    def __init__(self, path: str | Path, rate_hz: float = RATE_HZ):
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}; name a file of NMEA sentences") from None
        require_text(data[:65536], str(path))
        self._times: list[float] = []  # seconds since the log began
        self._lines: list[bytes] = []
        self.malformed = 0
        self.played = 0
        self._clock_s = 0.0  # of the log
        last: float | None = None  # unix time of the last line that has one
        now = 0.0
        for whole in data.splitlines():
            line = whole[:LINE_MAX].strip()
            if not line:
                continue
            at = _unix_time(line)
            if at is not None:
                now += 0.0 if last is None else min(GAP_S, max(0.0, at - last))
                last = at if last is None else max(last, at)
            elif last is None:
                now = len(self._lines) / rate_hz
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

    @property
    def length_s(self) -> float:
        return self._times[-1]

    def heard(self, t0_s: float, t1_s: float, *_where: float) -> list[tuple[float, bytes]]:
        """Lines and their times while the receiver is on, from t0_s to t1_s; as `ships.Fleet.heard`."""
        heard: list[tuple[float, bytes]] = []
        start = self._clock_s
        self._clock_s += t1_s - t0_s
        while self.played < self.lines and self._times[self.played] < self._clock_s:
            heard.append((t0_s + self._times[self.played] - start, self._lines[self.played]))
            self.played += 1
        return heard


def _unix_time(line: bytes) -> float | None:
    for pattern in (_TAG_TIME, _TIME_BEFORE, _TIME_AFTER):
        found = pattern.search(line)
        if found is not None:
            text = found.group(1)
            return int(text) / 1000.0 if len(text) == 13 and b"." not in text else float(text)
    return None
