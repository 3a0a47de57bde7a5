"""One virtual board: a process of MicroPython's unix port that runs the firmware, and the two pipes to it.

Pipe layout: boards/unix/lib/twin/link.py. The process is the processor: power off, reset and watchdog kill it,
power on starts it anew. Its memories (flash, FRAM) are files in its folder and outlive it.
"""

from __future__ import annotations

import functools
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dragonet import micropython, paths
from dragonet.deploy import goldens
from dragonet.errors import UserError
from dragonet.flatsat.clocks import Clock
from dragonet.flatsat.costs import COSTS
from dragonet.flatsat.devices import records
from dragonet.flatsat.hub import NEVER_US, Hub

PWRON_RESET, WDT_RESET = 1, 3  # machine.reset_cause()
_HEADER = struct.Struct("<QQI")
_RECORD = struct.Struct("<QBH")
_INBOX_BYTES = 7_000  # boards/unix/lib/twin/link.py has room for 8,192 with the world and one more record
_BOARD_NEVER = 1 << 60
_STUCK_S = 20.0  # wall time without an answer: the firmware spins without asking for the time

# An RP2040 under MicroPython boots with 241,712 bytes of heap; objects of pointers are twice as big on 64 bits. On the
# same heap live, here, the twin itself (virtual machine, device models, asyncio: measured at the firmware's first line,
# 104 to 108 kB on 32 bits, 146 to 149 kB on 64), the golden app's compiled code (frozen on a processor: a board after
# boot takes 142 to 145 kB more than on the emulated RP2040), and the buffer that stands for the slots' flash.
_MCU_HEAP_BYTES = 241_712
_TWIN_HEAP_BYTES = {32: 108_000, 64: 150_000}  # by bits of a word
_CODE_HEAP_BYTES = 145_000
_SLOT_HEAP_BYTES = 328_000  # boards/rp2/flash_map.py: SLOT_BYTES
_GARBAGE_SCALE = 2.0  # of gc.threshold on 32 bits, for the garbage of the twin itself; twice that for wide pointers

_BOOT_US = (150_000, 400_000)  # reset to first line of firmware: boot ROM, MicroPython's start, mount

Handler = Callable[[int, bytes], None]


class VirtualBoard:
    """A party of the hub. `handlers[kind](hub time us, data)` receives its records. pins: boards/<role>/<pins>.py."""

    def __init__(
        self, hub: Hub, role: str, folder: Path, seed: int, clock: Clock, config: dict[str, Any],
        pins: str = "pins_unix",
    ) -> None:  # fmt: skip
        self.hub = hub
        self.role = role
        self.folder = folder
        self.clock = clock
        self.wake_us = NEVER_US
        self.world: list[float] = []
        self.handlers: dict[int, Handler] = {records.RESET: self._reset_asked, records.WDT: self._watchdog_started}
        self.on_off: list[Callable[[], None]] = []  # called when the processor stops
        self.on_event: Callable[[str], None] = lambda text: None
        self.implementation: dict[str, Any] = {}
        self.pid = 0
        self.lost_records = 0
        self.boots = 0
        self.resets: dict[int, int] = {}
        self.powered = False
        self._config = config
        self.files: dict[str, bytes] = {}  # written with the configuration before the first flight
        self._pins = pins
        self.costs = COSTS
        self._rng = random.Random(f"{seed}/{role}/boot")
        self._uid = random.Random(f"{role}/uid").randbytes(8)
        self._seed = seed
        self._process: subprocess.Popen[bytes] | None = None
        self._inbox = bytearray()
        self._world_record = b""
        self._local_now = 0
        self._watchdog_ms = 0
        self._life = 0  # counts power-ons and resets, so that what was planned for an earlier life is forgotten
        self._waiting_since = 0.0
        self.handlers[records.HELLO] = self._hello
        folder.mkdir(parents=True, exist_ok=True)

    # --- power and reset ---

    def power_on(self, cause: int = PWRON_RESET) -> None:
        """Start after a boot delay drawn from the seed."""
        if self.powered and cause == PWRON_RESET:
            return
        self.powered = True
        self._life += 1
        life = self._life
        self.resets[cause] = self.resets.get(cause, 0) + 1
        self.clock.power_on(self.hub.now_us)
        boot_us = self._rng.randint(*_BOOT_US)
        self.hub.at(self.hub.now_us + boot_us, lambda: self._start(life, cause, boot_us))

    def power_off(self) -> None:
        """Supply gone: the process dies where it stands."""
        if self.powered:
            self.powered = False
            self._life += 1
            self._end()

    def reset(self, cause: int) -> None:
        self._life += 1
        self._end()
        self.power_on(cause)

    def _start(self, life: int, cause: int, boot_us: int) -> None:
        if life != self._life:
            return
        self.boots += 1
        to_board, self._writer = os.pipe()
        self._reader, from_board = os.pipe()
        settings = {
            "role": self.role,
            "pins": self._pins,
            "seed": self._seed * 1000 + self.boots,
            "uid": list(self._uid),
            "reset_cause": cause,
            "boot_us": boot_us,
            "world": self.world,
            "costs": self.costs,
            "heap_scale": _GARBAGE_SCALE * micropython.word_bits() / 32,
            "config": self._config,
            "golden": list(goldens.checkout(self.role).id),
            "built": goldens.built(),
            "files": [(path, list(content)) for path, content in self.files.items()],
            "mounts": [
                ["/twin", str(paths.VIRTUAL_BOARD)],
                ["/rom", str(paths.FIRMWARE)],
                ["/board", str(paths.BOARDS / self.role)],
                ["/target", str(paths.BOARDS / "rp2")],
                ["/host", str(paths.HOST_TOOLS)],
                ["/nv", str(self.folder)],
            ],
        }
        with open(self.folder / "console.log", "ab") as console:
            self._process = subprocess.Popen(
                [*_fixed_addresses(), micropython.find(), "-X", f"heapsize={_heap_bytes()}",
                 str(paths.VIRTUAL_BOARD.parent / "run.py"), str(to_board), str(from_board)],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console, pass_fds=(to_board, from_board),
                env={"PATH": os.environ.get("PATH", ""), "PYTHONHASHSEED": "0"}, start_new_session=True,
            )  # fmt: skip
        os.close(to_board)
        os.close(from_board)
        os.write(self._writer, json.dumps(settings).encode() + b"\n")
        self.pid = self._process.pid
        self._inbox.clear()
        self._watchdog_ms = 0
        self._local_now = self.clock.local(self.hub.now_us)
        if not self._listen() and not self.implementation:
            raise UserError(f"board {self.role} did not start: see {self.folder / 'console.log'}")

    def _end(self) -> None:
        """The processor stops: no finaliser runs, as when power fails."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            os.close(self._writer)
            os.close(self._reader)
            for function in self.on_off:
                function()
        self.wake_us = NEVER_US

    def kill(self) -> None:
        """The board is dead for good: its process ends and nothing starts it again."""
        self.power_off()

    @property
    def running(self) -> bool:
        return self._process is not None

    # --- time ---

    def grant(self, now_us: int, horizon_us: int) -> None:
        clock = self.clock
        local = clock.local(now_us)
        if local < self._local_now:
            local = self._local_now
        inbox = self._inbox
        if self._world_record:
            inbox[:0] = self._world_record
            self._world_record = b""
        if inbox:
            message = _HEADER.pack(local, clock.local(horizon_us), len(inbox)) + inbox
            inbox.clear()
        else:
            message = _HEADER.pack(local, clock.local(horizon_us), 0)
        try:
            os.write(self._writer, message)
        except BrokenPipeError:
            self._crashed()
            return
        self._listen()

    def _listen(self) -> bool:
        """Read what the board says when it waits. False when its process has ended by itself."""
        _Stuck.waiting = self
        message = os.read(self._reader, 65536)
        size = len(message)
        if size != 20 or message[16:20] != b"\0\0\0\0":  # most often a board just says until when it waits
            while size < 20 or size < 20 + int.from_bytes(message[16:20], "little"):
                more = os.read(self._reader, 65536)
                if not more:
                    self._crashed()
                    return False
                message += more
                size = len(message)
        _Stuck.waiting = None
        _Stuck.answers += 1
        self._local_now, wake, _ = _HEADER.unpack_from(message)
        if wake >= _BOARD_NEVER:
            self.wake_us = NEVER_US
        else:
            wake_us = self.clock.hub(wake)
            self.wake_us = wake_us if wake_us > self.hub.now_us else self.hub.now_us
        return size == 20 or self._take_records(message)

    def _take_records(self, message: bytes) -> bool:
        life = self._life
        at = 20
        while at < len(message) and life == self._life:
            local, kind, length = _RECORD.unpack_from(message, at)
            at += 11
            handler = self.handlers.get(kind)
            if handler is not None:
                handler(self.clock.hub(local), message[at : at + length])
            at += length
        return True

    def post(self, time_us: int, kind: int, data: bytes, *, wake: bool = True) -> None:
        """A record to the board, delivered with its next grant; wake: give it one at time_us."""
        if self._process is None:
            return
        if len(self._inbox) > _INBOX_BYTES:  # its processor cannot keep up at all: the wires are lost on it
            self.lost_records += 1
            return
        self._inbox += _RECORD.pack(max(self.clock.local(time_us), 0), kind, len(data)) + data
        if wake and time_us < self.wake_us:
            self.wake_us = max(time_us, self.hub.now_us)

    def post_world(self) -> None:
        """The newest truth goes with the next grant; it wakes nobody."""
        if self._process is not None:
            data = struct.pack(f"<{len(self.world)}f", *self.world)
            now_us = max(self.clock.local(self.hub.now_us), 0)
            self._world_record = _RECORD.pack(now_us, records.WORLD, len(data)) + data

    # --- what the board says about itself ---

    def _hello(self, time_us: int, data: bytes) -> None:
        self.implementation = json.loads(data)

    def _watchdog_started(self, time_us: int, data: bytes) -> None:
        self._watchdog_ms = int.from_bytes(data, "little")

    def _reset_asked(self, time_us: int, data: bytes) -> None:
        cause = data[0]
        self.on_event("watchdog bite" if cause == WDT_RESET else f"reset (cause {cause})")
        self.reset(cause)

    def _crashed(self) -> None:
        """The process ended by itself. A started watchdog bites in its time, as it would with a hung processor."""
        code = self._process.wait() if self._process else None
        self._life += 1
        self._end()
        self.on_event(f"process ended ({'signal ' + signal.Signals(-code).name if code and code < 0 else code})")
        life = self._life
        if self._watchdog_ms:
            self.hub.at(self.hub.now_us + self._watchdog_ms * 1000, lambda: self._bitten(life))

    def _bitten(self, life: int) -> None:
        if life == self._life and self.powered:
            self.on_event("watchdog bite")
            self.reset(WDT_RESET)


class _Stuck:
    """Kills a board that does not answer for long: code that never waits cannot be interrupted otherwise."""

    waiting: VirtualBoard | None = None
    answers = 0
    _started = False

    @classmethod
    def watch(cls) -> None:
        if not cls._started:
            cls._started = True
            threading.Thread(target=cls._run, daemon=True).start()

    @classmethod
    def _run(cls) -> None:
        seen, since = -1, 0.0
        while True:
            time.sleep(1.0)
            waiting = cls.waiting
            if waiting is None or cls.answers != seen:
                seen, since = cls.answers, time.monotonic()
            elif time.monotonic() - since > _STUCK_S and waiting._process is not None:
                waiting._process.kill()


_Stuck.watch()


def _heap_bytes() -> int:
    """Of a board's interpreter: its processor's, in objects of this port's size, and what else lives there."""
    bits = micropython.word_bits()
    room = _MCU_HEAP_BYTES * bits // 32 + _TWIN_HEAP_BYTES[bits] + _CODE_HEAP_BYTES + _SLOT_HEAP_BYTES
    return room * 41 // 40  # the allocator's own tables


@functools.cache
def _fixed_addresses() -> list[str]:
    """Without address randomisation, dicts keyed by objects keep their order from run to run."""
    setarch = shutil.which("setarch")
    if setarch is None or subprocess.run([setarch, "-R", "true"], capture_output=True, check=False).returncode != 0:
        return []
    return [setarch, "-R"]
