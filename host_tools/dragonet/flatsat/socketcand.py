"""The socketcand protocol (github.com/linux-can/socketcand, doc/protocol.md) in raw mode, over TCP.

  server  < hi >      client  < open can0 >     server  < ok >      can0 is CAN A, can1 is CAN B
                              < rawmode >               < ok >      from here on frames come
                              < send 1000E28D 4 1 2 a0 ff >         3 digits: 11-bit identifier, 8 digits: 29-bit
                              < echo >                  < echo >
          < frame 1000E28D 1636423614.250000 0102A0FF >             Unix time of the mission
          < error ... >                                             what was not understood

The protocol knows no remote requests: they are not passed on. Broadcast manager, control and ISO-TP modes are not here.
"""

from __future__ import annotations

from dragonet.flatsat.bus_client import NORMAL, BusClient
from dragonet.flatsat.canbus import Frame
from dragonet.flatsat.devices.can_frames import FLAG_EXT_ID, FLAG_RTR

_LONGEST = 128  # bytes of a command; the longest here has 44
_CALM_S = 0.1  # python-can wants its < ok > alone in a read, so the first frames wait a little
_HEX = frozenset("0123456789abcdefABCDEF")
_ID_LAST = {3: 0x7FF, 8: 0x1FFFFFFF}


class SocketcandClient(BusClient):
    """A program that believes it talks to a socketcand daemon."""

    protocol = "socketcand"
    greeting = b"< hi >"
    _buffer = b""
    _number: int | None = None  # of the bus it opened

    def take(self, data: bytes) -> None:
        buffer = self._buffer + data
        while b">" in buffer:
            line, _, buffer = buffer.partition(b">")
            start = line.find(b"<")
            if start < 0 or len(line) > _LONGEST:
                self._refuse("syntax error")
            else:
                self._command(line[start + 1 :].decode("ascii", "replace").split())
        if len(buffer) > _LONGEST:
            buffer = b""
            self._refuse("command too long")
        self._buffer = buffer

    def _refuse(self, text: str) -> None:
        self.counts.refused += 1
        self.answer(f"< error {text} >".encode())

    def _command(self, words: list[str]) -> None:
        match words:
            case ["echo"]:
                self.answer(b"< echo >")
            case ["open", name]:
                self._open(name)
            case ["rawmode"] if self._number is not None:
                self.answer(b"< ok >")
                if self.controller is None:
                    self.hold(_CALM_S)
                    self.join(self._number, NORMAL)
            case ["send", *rest] if self.controller is not None:
                frame = _frame(rest)
                if frame is None:
                    self._refuse("syntax error in send command")
                elif not self.transmit(frame):
                    self._refuse("bus-off")
            case _:
                self._refuse("unknown command")

    def _open(self, name: str) -> None:
        numbers = {f"can{number}": number for number in self.host.buses}
        if self._number is not None or name not in numbers:
            self._refuse("could not open bus")
        else:
            self._number = numbers[name]
            self.answer(b"< ok >")

    def heard(self, time_us: int, frame: Frame) -> bytes:
        if frame.flags & FLAG_RTR:
            return b""
        seconds, micros = divmod(self.host.epoch_us + time_us, 1_000_000)
        identifier = b"%08X" if frame.flags & FLAG_EXT_ID else b"%03X"
        data = frame.data.hex().upper().encode()
        return b"< frame " + identifier % frame.identifier + b" %d.%06d %s >" % (seconds, micros, data)


def _frame(words: list[str]) -> Frame | None:
    """The frame of a send command: identifier, length, bytes; None if that is none."""
    if len(words) < 2 or not all(_HEX.issuperset(word) for word in words):
        return None
    identifier, length, *data = words
    last = _ID_LAST.get(len(identifier))
    if last is None or int(identifier, 16) > last or not length.isdigit() or int(length) != len(data) or len(data) > 8:
        return None
    if any(len(byte) > 2 for byte in data):
        return None
    flags = FLAG_EXT_ID if len(identifier) == 8 else 0
    return Frame(int(identifier, 16), flags, bytes(int(byte, 16) for byte in data))
