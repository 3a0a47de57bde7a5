"""An emulated RP2040: a process of node that runs host_tools/rp2040, and the two pipes to it.

Pipe layout: host_tools/rp2040/link.mjs. Times here are nanoseconds since the chip's power-on or last reset.
"""

from __future__ import annotations

import functools
import math
import os
import re
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

from dragonet import paths
from dragonet.errors import UserError

HARNESS = paths.HOST_TOOLS / "rp2040"
_RP2040JS = paths.REPO / "build" / "rp2040" / "node_modules" / "rp2040js" / "dist" / "esm" / "index.js"
_OLDEST_NODE = 18

ANSWER, POWER, RESET, PIN, UART, CONSOLE, SAVE, QUIT, HALT, LOOK = range(1, 11)
SAYS_PIN, SAYS_UART, SAYS_CONSOLE, SAYS_WATCHDOG, SAYS_RESET, SAYS_NOTE, SAYS_FLASH, SAYS_MEMORY = range(1, 9)
ASKS_PIN, ASKS_SPI, ASKS_ADC, ASKS_I2C_PROBE, ASKS_I2C_WRITE, ASKS_I2C_READ = range(16, 22)
RELEASED = 2  # level of a pin that nobody drives
BY_PROGRAM, BY_WATCHDOG = 1, 2  # data of SAYS_RESET

_GRANT = struct.Struct("<ddI")
_TOLD = struct.Struct("<BH")
_HEADER = struct.Struct("<ddII")
_SAID = struct.Struct("<dBH")


@functools.cache
def node() -> str:
    """Path of node; UserError naming the remedy when it or rp2040js is missing."""
    path = shutil.which("node")
    if path is None:
        raise UserError("the emulator runs on node, which is not installed: apt-get install nodejs npm")
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"v(\d+)", said)
    if version is None or int(version[1]) < _OLDEST_NODE:
        raise UserError(f"node {said.strip()} is too old for the emulator: install node {_OLDEST_NODE} or newer")
    if not _RP2040JS.exists():
        raise UserError("rp2040js is not installed: run 'make setup'")
    return path


class Chip:
    """One chip. run() calls `on_say(nanoseconds, kind, data)` and `on_ask(nanoseconds, kind, data) -> answer`."""

    def __init__(self, flash: Path) -> None:
        """flash: a file of 2 MB, see flash.py. The chip is without power."""
        command = [node(), str(HARNESS / "main.mjs"), str(flash)]
        to_chip, self._writer = os.pipe()
        self._reader, from_chip = os.pipe()
        self.errors = flash.with_suffix(".log")
        with open(self.errors, "ab") as log:
            self._process = subprocess.Popen(
                [*command, str(to_chip), str(from_chip)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(to_chip, from_chip), start_new_session=True,
            )  # fmt: skip
        os.close(to_chip)
        os.close(from_chip)
        self.pid = self._process.pid
        self.now = 0.0
        self.wake = math.inf  # the processor waits until then; not later than now: it works
        self.until = 0.0  # on_ask may bring it nearer
        self.on_say: Callable[[float, int, bytes], None] = lambda time, kind, data: None
        self.on_ask: Callable[[float, int, bytes], bytes] = lambda time, kind, data: b"\xff"
        self._records = bytearray()

    def tell(self, kind: int, data: bytes) -> None:
        """A record that goes with the next grant, or with the next answer."""
        self._records += _TOLD.pack(kind, len(data)) + data

    def power_on(self, watched: int, uid: bytes) -> None:
        """watched: a bit for each pin whose changes are asked rather than said."""
        self._start(POWER, watched, uid)

    def restart(self, watched: int, uid: bytes) -> None:
        """After a reset: flash and the watchdog's scratch registers are as they were."""
        self._start(RESET, watched, uid)

    def _start(self, kind: int, watched: int, uid: bytes) -> None:
        waiting, self._records = self._records, bytearray()
        self.tell(kind, struct.pack("<I8s", watched, uid))
        self._records += waiting
        self.now = self.wake = 0.0
        self.run(0.0, 0.0)

    def run(self, now: float, until: float) -> None:
        """Catch up to now, take what was told, run until until; the chip may stop early only for a reset."""
        self.until = until
        self._send(now)
        while True:
            asks = self._listen()
            if asks is None:
                return
            answer = self.on_ask(*asks)
            waiting, self._records = self._records, bytearray()
            self.tell(ANSWER, answer)
            self._records += waiting
            self._send(self.now)

    def _send(self, now: float) -> None:
        message = _GRANT.pack(now, self.until, len(self._records)) + self._records
        self._records.clear()
        try:
            while message:
                message = message[os.write(self._writer, message) :]
        except BrokenPipeError:
            self._died()

    def _listen(self) -> tuple[float, int, bytes] | None:
        message = os.read(self._reader, 65536)
        while len(message) < 24 or len(message) < 24 + int.from_bytes(message[20:24], "little"):
            more = os.read(self._reader, 65536)
            if not more:
                self._died()
            message += more
        self.now, self.wake, asks, _ = _HEADER.unpack_from(message)
        at = 24
        last = None
        while at < len(message):
            time, kind, size = _SAID.unpack_from(message, at)
            at += 11
            data = message[at : at + size]
            at += size
            if asks and at == len(message):
                last = (time, kind, data)
            else:
                self.on_say(time, kind, data)
        return last

    def _died(self) -> None:
        code = self._process.wait()
        said = self.errors.read_text(errors="replace").strip().splitlines()
        raise UserError(f"the emulator ended: {said[-1] if said else f'exit code {code}'} (see {self.errors})")

    def save(self) -> None:
        """Write the flash to its file now."""
        self.tell(SAVE, b"")
        self.run(self.now, self.now)

    def memory(self, address: int, size: int) -> bytes:
        """What lies in its RAM (from 0x20000000), 64 kB at most."""
        found = b""
        on_say = self.on_say

        def hear(time: float, kind: int, data: bytes) -> None:
            nonlocal found
            if kind == SAYS_MEMORY:
                found = data
            else:
                on_say(time, kind, data)

        self.on_say = hear
        try:
            self.tell(LOOK, struct.pack("<II", address, size))
            self.run(self.now, self.now)
        finally:
            self.on_say = on_say
        return found

    def close(self) -> None:
        """Save the flash and end the process."""
        if self._process.poll() is None:
            self.tell(QUIT, b"")
            try:
                self._send(self.now)
                self._process.wait(timeout=10)
            except (UserError, subprocess.TimeoutExpired):
                self._process.kill()
                self._process.wait()
        for descriptor in (self._reader, self._writer):
            if descriptor >= 0:
                os.close(descriptor)
        self._reader = self._writer = -1
