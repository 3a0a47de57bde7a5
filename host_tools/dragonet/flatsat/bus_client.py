"""One program on the virtual CAN bus, connected by TCP: a controller of its own, and bounded queues both ways.

What it sends waits in a queue of frames, oldest first, for the one mailbox of its controller; while that queue is full
its connection is not read, so TCP holds the sender back. What it does not read in time is dropped and counted.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from dragonet.flatsat.canbus import BUS_OFF, CanBus, Controller, Frame
from dragonet.flatsat.hub import Hub

BIT_RATE = 500_000  # firmware/core/board.py: the satellite's buses
NORMAL, SILENT, STOPPED = 0, 3, 255  # machine.CAN.MODE_*, and off

_SEND_FRAMES = 64  # queued behind the mailbox
_OUT_BYTES = 65_536  # about 2,400 frames of slcan
_READ_BYTES = 4096  # at a time
_RESTART_US = 100_000  # mission time from bus-off to the next try
_STUCK_US = 1_000_000  # mission time in which nothing went: what waits is given up
_MAILBOX = 0


@dataclass
class Counts:
    """Over all clients of a protocol."""

    clients: int = 0
    sent: int = 0  # frames from clients that went over the bus
    received: int = 0  # frames given to clients
    dropped: int = 0  # frames that a client did not read in time
    lost: int = 0  # frames of clients that could not be sent: bus-off, client gone
    refused: int = 0  # lines that were malformed or not allowed


class Host(Protocol):
    """What a client needs of the servers."""

    hub: Hub
    buses: dict[int, CanBus]
    epoch_us: int

    def ready(self, client: BusClient) -> None:
        """It has bytes to send, or room to read again."""
        ...

    def note(self, text: str) -> None:
        """Something that the flight's list of events should tell."""
        ...


class BusClient:
    """A connection. Protocols override take() and heard(), and call join(), leave(), transmit() and answer()."""

    protocol = ""
    greeting = b""

    def __init__(self, host: Host, connection: socket.socket, name: str, counts: Counts) -> None:
        self.host = host
        self.connection = connection
        self.name = name
        self.counts = counts
        self.controller: Controller | None = None
        self.bus: CanBus | None = None
        self.overrun = False  # frames were dropped since the last look
        self.closed = False
        self._out = bytearray()
        self._hold_until_s = 0.0  # wall clock: nothing is written before
        self._queue: deque[Frame] = deque()
        self._done = 0  # frames that left the mailbox
        self._watched = False
        self.answer(self.greeting)

    # --- protocols override these ---

    def take(self, data: bytes) -> None:
        """Bytes from the program."""
        raise NotImplementedError

    def heard(self, time_us: int, frame: Frame) -> bytes:
        """A frame of the bus, as the protocol writes it; b"" if it cannot."""
        raise NotImplementedError

    # --- on the bus ---

    def join(self, number: int, mode: int) -> None:
        """A controller at this bus. mode: NORMAL or SILENT, which neither sends nor acknowledges."""
        bus = self.host.buses[number]
        controller = Controller(f"{self.protocol} {self.name}.can{number}", self._sent, self._received, self._changed)
        bus.attach(controller)
        bus.start(controller, mode, BIT_RATE)
        controller.filters = None
        self.bus, self.controller = bus, controller
        self.host.note(f"{self.protocol} client {self.name} on the bus{' (listens only)' if mode == SILENT else ''}")

    def leave(self) -> None:
        """Off the bus; what waited to be sent is lost, and counted."""
        if self.bus is None or self.controller is None:
            return
        self.counts.lost += len(self._queue) + len(self.controller.mailboxes)
        self._queue.clear()
        self.bus.start(self.controller, STOPPED, 0)
        self.bus.detach(self.controller)
        self.bus = self.controller = None
        self.host.note(f"{self.protocol} client {self.name} off the bus")

    @property
    def full(self) -> bool:
        """No more frames or answers fit: its connection is not read."""
        return len(self._queue) >= _SEND_FRAMES or len(self._out) >= _OUT_BYTES

    def transmit(self, frame: Frame) -> bool:
        """Queue a frame; False when the controller is off the bus."""
        controller = self.controller
        if controller is None or controller.state == BUS_OFF:
            self.counts.lost += 1
            return False
        self._queue.append(frame)
        self._push()
        return True

    def _push(self) -> None:
        if self.bus is not None and self.controller is not None and self._queue and not self.controller.mailboxes:
            self.bus.send(self.controller, _MAILBOX, self._queue.popleft(), self.host.hub.now_us)
            if not self._watched:
                self._watched = True
                self.host.hub.at(self.host.hub.now_us + _STUCK_US, lambda done=self._done: self._watch(done))

    def _watch(self, done: int) -> None:
        """Nothing waits for ever on a bus where nobody acknowledges."""
        self._watched = False
        if self.bus is None or self.controller is None or not self.controller.mailboxes:
            return
        if self._done == done:
            self.counts.lost += len(self._queue) + 1
            self._queue.clear()
            self.bus.cancel(self.controller, _MAILBOX)
        else:
            self._watched = True
            self.host.hub.at(self.host.hub.now_us + _STUCK_US, lambda now=self._done: self._watch(now))

    def _sent(self, slot: int, ok: bool) -> None:
        self._done += 1
        if ok:
            self.counts.sent += 1
        self._push()
        self.host.ready(self)

    def _received(self, frame: Frame, filter_number: int) -> None:
        line = self.heard(self.host.hub.now_us, frame)
        if not line:
            return
        if len(self._out) + len(line) > _OUT_BYTES:
            self.counts.dropped += 1
            self.overrun = True
            return
        self.counts.received += 1
        self._out += line
        self.host.ready(self)

    def _changed(self) -> None:
        """After bus-off the queue is lost, and the controller starts again a little later."""
        controller = self.controller
        if controller is None or controller.state != BUS_OFF:
            return
        self.counts.lost += len(self._queue) + 1
        self._queue.clear()
        self.host.note(f"{self.protocol} client {self.name}: bus-off")
        self.host.hub.at(self.host.hub.now_us + _RESTART_US, lambda: self._restart(controller))

    def _restart(self, controller: Controller) -> None:
        if self.controller is controller and self.bus is not None:
            self.bus.start(controller, controller.mode, BIT_RATE)

    # --- the connection ---

    def answer(self, data: bytes) -> None:
        """Bytes to the program, ahead of nothing and behind what is queued."""
        if len(self._out) < 2 * _OUT_BYTES:  # frames fill at most half
            self._out += data
            self.host.ready(self)

    def hold(self, seconds: float) -> None:
        """Write what is queued now, and then nothing for so long."""
        self.write()
        self._hold_until_s = time.monotonic() + seconds

    @property
    def has_output(self) -> bool:
        return bool(self._out) and time.monotonic() >= self._hold_until_s

    @property
    def holds(self) -> bool:
        """It has output that must not go yet."""
        return bool(self._out) and not self.has_output

    def read(self) -> None:
        """Take what came in; OSError or EOFError when the program is gone."""
        data = self.connection.recv(_READ_BYTES)
        if not data:
            raise EOFError
        self.take(data)

    def write(self) -> None:
        """Send as much as goes; OSError when the program is gone."""
        if self._out:
            with contextlib.suppress(BlockingIOError, InterruptedError):
                del self._out[: self.connection.send(self._out)]

    def close(self) -> None:
        self.closed = True
        self.leave()
        with contextlib.suppress(OSError):
            self.connection.close()
