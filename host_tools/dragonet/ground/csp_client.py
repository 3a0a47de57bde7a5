"""A CSP node on the host that asks others: the flight code's frames, packets and CRC over a python-can bus."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

from dragonet import paths
from dragonet.errors import UserError
from dragonet.ground import frames
from dragonet.ground.bus_packets import BusPackets
from dragonet.ground.via import Link, is_data

paths.use_firmware()

from core import ports  # noqa: E402
from csp import packet, services  # noqa: E402
from csp.stats import WIRE  # noqa: E402

_FIRST_PORT, _LAST_PORT = 17, 62  # source ports of who asks
_PS_ALL = b"\x55"


class Reply(NamedTuple):
    src: int
    data: bytes  # without CRC
    ms: float  # from the request's first frame to the reply's last


class CspClient:
    """A node of this address and version on a bus. Waits are in seconds of wall time."""

    def __init__(self, link: Link, address: int = ports.ADDRESSES["bench"], version: int = 2) -> None:
        self.version = version
        self.broadcast = packet.BROADCAST[version]
        if not 0 < address < self.broadcast:
            raise UserError(f"address {address}: CSP version {version} has 1 to {self.broadcast - 1}")
        self._link = link
        self.address = address
        self._packets = BusPackets(self._take, version)
        self._arrived: deque[tuple[Any, ...]] = deque()  # src, dport, sport, data, wall clock s
        self._count = 0
        self._port = _FIRST_PORT + int(time.time()) % (_LAST_PORT - _FIRST_PORT)  # late replies to an earlier run miss
        self._began = time.monotonic()

    # --- packets ---

    def send(self, dst: int, dport: int, data: bytes, sport: int) -> None:
        """One packet with CRC."""
        if len(data) > frames.CAPACITY - 4:
            raise UserError(f"{len(data)} bytes: a packet carries {frames.CAPACITY - 4} at most")
        one = frames.make(self.address, dst, dport, sport, data, self.version)
        for identifier, fragment in frames.frames(one, self.version, self._count):
            self._link.send(identifier, fragment)
        self._count += 1

    def _take(self, time_us: int, one: Any, data: bytes) -> None:
        if one.dst == self.address:
            self._arrived.append((one.src, one.dport, one.sport, data, self._began + time_us / 1e6))

    def port(self) -> int:
        """A source port of its own for a request."""
        port = self._port
        self._port = port + 1 if port < _LAST_PORT else _FIRST_PORT
        return port

    def replies(self, dst: int, dport: int, data: bytes, timeout_s: float, sport: int | None = None) -> Iterator[Reply]:
        """Each reply within timeout_s of the request: of dst, or of everybody for a broadcast."""
        sport = self.port() if sport is None else sport
        asked_s = time.monotonic()
        self.send(dst, dport, data, sport)
        yield from self.listen(dst, dport, sport, timeout_s, asked_s)

    def listen(
        self, dst: int, dport: int, sport: int, timeout_s: float, asked_s: float | None = None
    ) -> Iterator[Reply]:
        """Each packet from dst's dport to sport within timeout_s of asked_s (of time.monotonic(); None: now)."""
        asked_s = time.monotonic() if asked_s is None else asked_s
        while True:
            while self._arrived:
                src, to_port, from_port, content, at_s = self._arrived.popleft()
                if to_port == sport and from_port == dport and dst in (src, self.broadcast):
                    yield Reply(src, content, (at_s - asked_s) * 1000)
            left_s = asked_s + timeout_s - time.monotonic()
            if left_s <= 0:
                return
            message = self._link.receive(left_s)
            if message is not None and is_data(message):
                now_us = round((time.monotonic() - self._began) * 1e6)
                self._packets.frame(now_us, message.arbitration_id, bytes(message.data))

    def request(self, dst: int, dport: int, data: bytes, timeout_s: float) -> Reply | None:
        """The first reply, or None."""
        return next(self.replies(dst, dport, data, timeout_s), None)

    # --- services ---

    def ping(self, dst: int, data: bytes, timeout_s: float) -> float | None:
        """Milliseconds until the same bytes are back, or None."""
        for reply in self.replies(dst, services.PING, data, timeout_s):
            if reply.data == data:
                return reply.ms
        return None

    def ident(self, dst: int, timeout_s: float) -> dict[int, dict[str, str]]:
        """What each node that answers says of itself, by address."""
        found: dict[int, dict[str, str]] = {}
        for reply in self.replies(dst, services.CMP, bytes((services.REQUEST, services.IDENT)), timeout_s):
            if len(reply.data) == services.IDENT_SIZE and reply.data[:2] == bytes((services.REPLY, services.IDENT)):
                found[reply.src] = _ident(reply.data)
                if dst != self.broadcast:
                    break
        return found

    def numbers(self, dst: int, port: int, timeout_s: float) -> dict[int, int]:
        """Answers of the services that tell a u32: MEMFREE, BUF_FREE, UPTIME."""
        found: dict[int, int] = {}
        for reply in self.replies(dst, port, b"", timeout_s):
            if len(reply.data) == 4:
                found[reply.src] = int.from_bytes(reply.data, "big")
                if dst != self.broadcast:
                    break
        return found

    def processes(self, dst: int, timeout_s: float) -> str | None:
        """The text of PS, which has no end mark: all that comes within timeout_s. None: nothing came."""
        parts = [reply.data for reply in self.replies(dst, services.PS, _PS_ALL, timeout_s)]
        return b"".join(parts).rstrip(b"\0").decode("utf-8", "replace") if parts else None

    def if_stats(self, dst: int, name: str, timeout_s: float) -> dict[str, int] | None:
        """An interface's counters, or None."""
        request = bytearray(services.IF_STATS_SIZE)
        request[1] = services.IF_STATS
        request[2 : 2 + len(name)] = name.encode()
        reply = self.request(dst, services.CMP, bytes(request), timeout_s)
        if reply is None or len(reply.data) != services.IF_STATS_SIZE:
            return None
        at = services.IF_STATS_SIZE - 4 * len(WIRE)
        return {what: int.from_bytes(reply.data[at + 4 * k : at + 4 * k + 4], "big") for k, what in enumerate(WIRE)}


def _ident(data: bytes) -> dict[str, str]:
    """Fields of an ident reply."""
    fields: dict[str, str] = {}
    at = 2
    for name, size in services._FIELDS:
        fields[name] = data[at : at + size].split(b"\0")[0].decode("utf-8", "replace")
        at += size
    return fields


def node_address(text: str, version: int) -> int:
    """Address of a node given by role or number. UserError: neither."""
    address = ports.ADDRESSES.get(text.lower())
    if address is None:
        last = packet.ADDRESS_LAST[version]
        if not text.isdigit() or not 0 < int(text) <= last:
            raise UserError(f"node {text!r}: none of {', '.join(ports.ADDRESSES)}, and no address from 1 to {last}")
        address = int(text)
    return address


def node_name(address: int, version: int) -> str:
    """Role of a node, or its number."""
    if address == packet.BROADCAST[version]:
        return "all"
    return next((name for name, each in ports.ADDRESSES.items() if each == address), str(address))
