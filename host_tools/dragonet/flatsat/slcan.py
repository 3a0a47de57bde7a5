"""The slcan protocol (Lawicel CAN232/CANUSB, "Serial CAN"), as adapters on a serial line speak it, over TCP.

  S0..S9 bit rate        sXXYY bit timing registers of an SJA1000 at 16 MHz      O open   L listen only   C close
  tIIILDD.. TIIIIIIIILDD..   data frame, 11- and 29-bit identifier, answered z, Z       rIIIL RIIIIIIIIL remote request
  F status flags   V v version   N serial number   Z0 Z1 time stamps   M m acceptance code and mask: all only

Each command ends with CR; the answer is CR, or BEL when it was refused. With Z1, frames carry ms modulo 60,000.
"""

from __future__ import annotations

import re

from dragonet.flatsat.bus_client import BIT_RATE, NORMAL, SILENT, BusClient
from dragonet.flatsat.canbus import BUS_OFF, PASSIVE, WARNING, Frame
from dragonet.flatsat.devices.can_frames import FLAG_EXT_ID, FLAG_RTR

_OK, _BEL = b"\r", b"\x07"
_LONGEST = 64  # bytes of a command; the longest frame has 26
_BUS = 0  # CAN A
_RATES = (10_000, 20_000, 50_000, 100_000, 125_000, 250_000, 500_000, 750_000, 1_000_000, 83_300)
_CLOCK_HZ = 8_000_000  # an SJA1000 halves its 16 MHz
_STANDARD = re.compile(rb"([tr])([0-7][0-9A-Fa-f]{2})([0-8])((?:[0-9A-Fa-f]{2})*)")
_EXTENDED = re.compile(rb"([TR])([01][0-9A-Fa-f]{7})([0-8])((?:[0-9A-Fa-f]{2})*)")
_STAMP_MS = 60_000
_RX_FULL, _TX_FULL, _ERROR_WARNING, _OVERRUN, _ERROR_PASSIVE, _BUS_ERROR = 0x01, 0x02, 0x04, 0x08, 0x20, 0x80


class SlcanClient(BusClient):
    """A program that believes it talks to an adapter."""

    protocol = "slcan"
    _buffer = b""
    _too_long = False
    _stamps = False
    _bit_rate = BIT_RATE

    def take(self, data: bytes) -> None:
        lines = (self._buffer + data.replace(b"\n", b"")).split(b"\r")
        self._buffer = lines.pop()
        for line in lines:
            if self._too_long:
                self._too_long = False
                self._answer(None)
            else:
                self._answer(self._command(line))
        if len(self._buffer) > _LONGEST:
            self._buffer = b""
            self._too_long = True

    def _answer(self, answer: bytes | None) -> None:
        if answer is None:
            self.counts.refused += 1
        self.answer(_BEL if answer is None else answer + _OK)

    def _command(self, line: bytes) -> bytes | None:
        """The answer without its CR, or None: refused."""
        if not line:
            return b""  # programs send some at first, to end what was typed before
        name, rest = line[:1], line[1:]
        if name in b"tTrR":
            return self._frame(line)
        if name in b"OLC":
            return self._open_or_close(name) if not rest else None
        if name in b"Ss":
            return self._set_rate(line)
        if name == b"Z" and rest in (b"0", b"1"):
            self._stamps = rest == b"1"
            return b""
        if line == b"F":
            return b"F%02X" % self._flags() if self.controller is not None else None
        if line in (b"M00000000", b"mFFFFFFFF"):
            return b"" if self.controller is None else None
        return {b"V": b"V1010", b"v": b"v0100", b"N": b"NCAN0", b"X1": b""}.get(line)

    def _open_or_close(self, name: bytes) -> bytes | None:
        if name == b"C":
            self.leave()
            return b""
        if self.controller is not None:
            return None
        if self._bit_rate != BIT_RATE:  # it would understand nothing, and only disturb
            self.host.note(f"slcan client {self.name} refused: {self._bit_rate} bit/s, the bus has {BIT_RATE}")
            return None
        self.join(_BUS, SILENT if name == b"L" else NORMAL)
        return b""

    def _set_rate(self, line: bytes) -> bytes | None:
        if self.controller is not None:
            return None
        if re.fullmatch(rb"S[0-9]", line):
            self._bit_rate = _RATES[line[1] - 48]
        elif re.fullmatch(rb"s[0-9A-Fa-f]{4}", line):
            btr0, btr1 = bytes.fromhex(line[1:].decode())
            quanta = 3 + (btr1 & 0x0F) + (btr1 >> 4 & 0x07)
            self._bit_rate = _CLOCK_HZ // (((btr0 & 0x3F) + 1) * quanta)
        else:
            return None
        return b""

    def _frame(self, line: bytes) -> bytes | None:
        found = _STANDARD.fullmatch(line) or _EXTENDED.fullmatch(line)
        if found is None or self.controller is None or self.controller.mode == SILENT:
            return None
        kind, identifier, length, data = found.groups()
        flags = FLAG_EXT_ID if kind in b"TR" else 0
        count = int(length)
        if kind in b"rR":
            if data:
                return None
            frame = Frame(int(identifier, 16), flags | FLAG_RTR, bytes(count))
        elif len(data) != 2 * count:
            return None
        else:
            frame = Frame(int(identifier, 16), flags, bytes.fromhex(data.decode()))
        if not self.transmit(frame):
            return None
        return b"Z" if flags else b"z"

    def _flags(self) -> int:
        """Status; reading it clears the overrun."""
        assert self.controller is not None
        flags = _TX_FULL if self.full else 0
        if self.overrun:
            flags |= _RX_FULL | _OVERRUN
        state = self.controller.state
        if state >= WARNING:
            flags |= _ERROR_WARNING
        if state >= PASSIVE:
            flags |= _ERROR_PASSIVE
        if state == BUS_OFF:
            flags |= _BUS_ERROR
        self.overrun = False
        return flags

    def heard(self, time_us: int, frame: Frame) -> bytes:
        remote = frame.flags & FLAG_RTR
        if frame.flags & FLAG_EXT_ID:
            line = b"%c%08X%d" % (b"R" if remote else b"T", frame.identifier, len(frame.data))
        else:
            line = b"%c%03X%d" % (b"r" if remote else b"t", frame.identifier, len(frame.data))
        if not remote:
            line += frame.data.hex().upper().encode()
        if self._stamps:
            line += b"%04X" % (time_us // 1000 % _STAMP_MS)
        return line + _OK
