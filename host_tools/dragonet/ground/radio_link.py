"""A radio link on the desk: it is slow, loses packets by a seed, breaks off for a while, and counts every byte.

A packet takes its bytes, from CSP header to CRC, at the bit rate; preamble, sync word and Reed-Solomon code of the
frame around it are the modem's. `Air` is the link in one time; `OverAir` puts it between a commander and a real
channel.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

BIT_RATE = 9600
HEADER_AND_CRC = {1: 8, 2: 10}  # bytes of a packet beside its data, by version


class Air:
    """The link. loss: 0 to 1, of packets, either way. outages: (start, end) in seconds of its time, when all is lost.

    up, down: bytes sent, those that were lost too. lost: packets. largest: bytes of a packet.
    """

    def __init__(
        self, bit_rate: int = BIT_RATE, loss: float = 0.0, seed: int = 1, outages: Sequence[tuple[float, float]] = ()
    ) -> None:
        self.bit_rate = bit_rate
        self._loss = loss
        self._random = random.Random(seed)
        self._outages = outages
        self.up = self.down = self.lost = self.packets = self.largest = 0

    def seconds(self, size: int) -> float:
        """Time that a packet of `size` bytes takes."""
        return size * 8 / self.bit_rate

    def carries(self, size: int, begin_s: float, *, up: bool) -> bool:
        """True when a packet that is sent from begin_s on arrives. It counts in any case."""
        if up:
            self.up += size
        else:
            self.down += size
        self.packets += 1
        self.largest = max(self.largest, size)
        end_s = begin_s + self.seconds(size)
        lost = self._random.random() < self._loss
        if lost or any(begin_s < end and end_s > start for start, end in self._outages):
            self.lost += 1
            return False
        return True


class OverAir:
    """A channel for a Commander that sends by `air` before the inner channel, in wall time.

    Commands are signed, as the radio's border wants them.
    """

    signed_only = True

    def __init__(self, channel: Any, air: Air, now: Callable[[], float] | None = None) -> None:
        self._channel = channel
        self._air = air
        self._now = now or time.monotonic
        self._began = self._up_free = self._down_free = self._now()
        self._overhead = HEADER_AND_CRC[channel.version]
        self.address: int = channel.address
        self.version: int = channel.version

    def port(self) -> int:
        return self._channel.port()

    def send(self, dst: int, dport: int, data: bytes, sport: int) -> None:
        """Takes as long as the packet is on the air."""
        if self._goes_up(data):
            self._channel.send(dst, dport, data, sport)

    def replies(self, dst: int, dport: int, data: bytes, timeout_s: float, sport: int | None = None) -> Iterator[Any]:
        sport = self.port() if sport is None else sport
        if self._goes_up(data):
            yield from self._heard(self._channel.replies(dst, dport, data, timeout_s, sport))
        else:
            yield from self.listen(dst, dport, sport, timeout_s)

    def listen(self, dst: int, dport: int, sport: int, timeout_s: float) -> Iterator[Any]:
        yield from self._heard(self._channel.listen(dst, dport, sport, timeout_s))

    def _goes_up(self, data: bytes) -> bool:
        size = len(data) + self._overhead
        begin = max(self._now(), self._up_free)
        self._up_free = begin + self._air.seconds(size)
        time.sleep(max(0.0, self._up_free - self._now()))
        return self._air.carries(size, begin - self._began, up=True)

    def _heard(self, replies: Iterator[Any]) -> Iterator[Any]:
        for reply in replies:
            size = len(reply.data) + self._overhead
            begin = max(self._now(), self._down_free)
            self._down_free = begin + self._air.seconds(size)
            if self._air.carries(size, begin - self._began, up=False):
                yield reply
