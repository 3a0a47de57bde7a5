"""A board in MicroPython behind a simulated radio link, in one virtual time: what a file takes on the air."""

from __future__ import annotations

import subprocess
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dragonet import micropython, paths
from dragonet.ground import frames
from dragonet.ground.keys import ROLES, KeyFile
from dragonet.ground.radio_link import Air

_UNIT = paths.REPO / "tests" / "unit"
_FOLDERS = (paths.VIRTUAL_BOARD, paths.FIRMWARE, paths.HOST_TOOLS, _UNIT, _UNIT / "micropython")
_LOOK_S = 0.02  # the board is let run so far at a time while the ground listens
_FIRST_PORT, _LAST_PORT = 17, 62
KEY = bytes(range(32))


class Heard(NamedTuple):
    data: bytes
    ms: float


class RadioBoard:
    """The channel of a Commander. now: seconds of virtual time since the first power-on."""

    address = 10
    version = 2
    signed_only = True

    def __init__(self, folder: Path, air: Air) -> None:
        self.air = air
        self.now = 0.0
        self._folder = folder
        self._free_down = 0.0
        self._on_the_way: deque[tuple[float, Any]] = deque()  # when it has arrived, packet
        self._port = _FIRST_PORT
        self._board: subprocess.Popen[str] | None = None
        self._booted = 0.0
        self.boot()

    def boot(self) -> None:
        """Power off and on: what is not in its memories is gone."""
        self.close()
        command = [micropython.find(), "-X", "heapsize=1M", str(_UNIT / "radio_board.py"), str(self._folder)]
        self._board = subprocess.Popen(
            command + [str(folder) for folder in _FOLDERS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._booted = self.now - int(self._line()) / 1e6

    def close(self) -> None:
        if self._board is not None:
            self._board.kill()
            self._board.communicate()
            self._board = None

    def _line(self) -> str:
        assert self._board is not None and self._board.stdout is not None
        line = self._board.stdout.readline()
        assert line and line[0].isdigit(), line + self._board.stdout.read()
        return line

    def _exchange(self, raw: bytes | None = None) -> None:
        """Let the board run up to now, and give it a packet."""
        assert self._board is not None and self._board.stdin is not None
        until = round((self.now - self._booted) * 1e6)
        self._board.stdin.write(f"{until} {raw.hex() if raw else ''}\n")
        self._board.stdin.flush()
        for word in self._line().split()[1:]:
            at, _, packet = word.partition(":")
            sent = bytes.fromhex(packet)
            begin = max(int(at) / 1e6 + self._booted, self._free_down)
            self._free_down = begin + self.air.seconds(len(sent))
            if self.air.carries(len(sent), begin, up=False):
                self._on_the_way.append((self._free_down, frames.parsed(sent, self.version)))

    def sleep(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now = min(self.now + _LOOK_S, end)
            self._exchange()

    def port(self) -> int:
        self._port = self._port + 1 if self._port < _LAST_PORT else _FIRST_PORT
        return self._port

    def send(self, dst: int, dport: int, data: bytes, sport: int) -> None:
        one = frames.make(self.address, dst, dport, sport, data, self.version)
        raw = bytes(one.buffer[2 : 8 + one.size])
        begin = self.now
        self.now += self.air.seconds(len(raw))
        self._exchange(raw if self.air.carries(len(raw), begin, up=True) else None)

    def replies(self, dst: int, dport: int, data: bytes, timeout_s: float, sport: int | None = None) -> Iterator[Heard]:
        sport = self.port() if sport is None else sport
        self.send(dst, dport, data, sport)
        yield from self.listen(dst, dport, sport, timeout_s)

    def listen(self, dst: int, dport: int, sport: int, timeout_s: float) -> Iterator[Heard]:
        end = self.now + timeout_s
        while True:
            while self._on_the_way and self._on_the_way[0][0] <= self.now:
                one = self._on_the_way.popleft()[1]
                if (one.src, one.sport, one.dport) == (dst, dport, sport):
                    yield Heard(bytes(one.data[:-4]), 0.0)
            if self.now >= end:
                return
            self.now = min(self.now + _LOOK_S, end)
            self._exchange()


def key(folder: Path) -> KeyFile:
    """The key with which radio_board.py is provisioned."""
    made = KeyFile(folder / "ground.key", 0, {role: {"generation": 0, "key": KEY.hex(), "next": 0} for role in ROLES})
    made.save()
    return made
