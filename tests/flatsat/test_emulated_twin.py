"""One flight with each board virtual, then with that board emulated: the same packets and events in the same order.

The holds are over and the beacon sends from its first second on. A board's firmware begins when its chip has booted,
so the virtual board is made to begin at the same time: by how much later, a first flight of virtual boards says.

How far apart the clocks of two boards begin depends on the microsecond at which each boots, so what they tell each
other of the time is not compared, nor by how much they correct it. DRAGONET_TWIN_S: seconds of a longer flight (make
campaign).
"""

import functools
import json
import os
import statistics
import struct
from typing import Any, NamedTuple

import pytest

from dragonet import paths
from dragonet.ground.bus_packets import BusPackets
from flatsat.flights import MIXED, Flights, Flown

paths.use_firmware()

from beacon import dictionary as beacon_dictionary  # noqa: E402
from core import event_codes, ports, time_commands  # noqa: E402
from eps import dictionary as eps_dictionary  # noqa: E402
from sensor import dictionary as sensor_dictionary  # noqa: E402

SECONDS = int(os.environ.get("DRAGONET_TWIN_S", "0")) or round(MIXED["hours"] * 3600)
# the beacon's is the flight of tests/interop/test_mixed_flight.py
ORDER: dict[str, Any] = MIXED | {"hours": SECONDS / 3600}
TABLES = {
    ports.ADDRESSES["eps"]: eps_dictionary.DICTIONARY.hk,
    ports.ADDRESSES["beacon"]: beacon_dictionary.DICTIONARY.hk,
    ports.ADDRESSES["sensor"]: sensor_dictionary.DICTIONARY.hk,
}
TIME_EVENT = -1  # in place of the port of an event of TIMES
PORTS = {
    ports.HEARTBEAT: "heartbeat",
    ports.HK: "housekeeping",
    ports.EVENT: "event",
    ports.SHIPS: "ships",
    ports.TIME: "time",
    TIME_EVENT: "event of time",
}
EVENT = ">IIBBii"  # firmware/core/events.py: sequence, mission time, number, boots, a, b
NEAR_MS = 5.0
_ALIGNMENTS, _ALIGNMENT_H, _ALIGNED_US = 5, 0.01, 500
# What housekeeping may differ by, in the field's unit: noise of the sensors, which is drawn anew for each reading.
TOLERANCE = {"V": 0.03, "A": 0.03, "degC": 0.3, "%": 0.2, "%/day": 0.0, "nT": 700.0, "deg/s": 0.1}
TIMES = (event_codes.TIME_STEP, event_codes.TIME_SYNCHRONISED, event_codes.TIME_FAR)


class Packet(NamedTuple):
    """One that came whole: first frame's time, bus, sender, destination, port, data."""

    at_us: int
    bus: int
    source: int
    destination: int
    port: int
    data: bytes


@functools.cache
def packets(flight: Flown) -> list[Packet]:
    """In the order in which they began on their bus."""
    found: list[Packet] = []
    began: dict[int, int] = {}  # what all frames of a packet have in common: when its first frame came
    key = 0

    def whole(bus: int, packet: Any, data: bytes) -> None:
        timely = packet.dport == ports.EVENT and struct.unpack(EVENT, data)[2] in TIMES
        port = TIME_EVENT if timely else packet.dport
        found.append(Packet(began[key], bus, packet.src, packet.dst, port, bytes(data)))

    readers = [BusPackets(lambda _, packet, data, bus=bus: whole(bus, packet, data)) for bus in (0, 1)]
    for at_us, bus, identifier, data in json.loads((flight.out / "frames.json").read_text()):
        key = bus << 29 | identifier >> 5
        if identifier & 2:  # firmware/csp/cfp2.py: it begins a packet
            began[key] = at_us
        readers[bus].frame(at_us, identifier, bytes.fromhex(data))
    assert not any(reader.dropped for reader in readers)
    return sorted(found)


class Pair(NamedTuple):
    role: str
    emulated: Flown
    virtual: Flown

    def matched(self, port: int) -> list[tuple[Packet, Packet]]:
        """The packets to this port in both flights, each with its counterpart; the last may be missing in one."""
        found: list[tuple[Packet, Packet]] = []
        for bus in (0, 1):
            for source in TABLES:
                first, second = (
                    [one for one in packets(flight) if (one.bus, one.source, one.port) == (bus, source, port)]
                    for flight in (self.emulated, self.virtual)
                )
                assert abs(len(first) - len(second)) <= 1, (bus, source, PORTS[port], len(first), len(second))
                found += zip(first, second, strict=False)
        return found


def beats_us(flight: Flown, source: int) -> list[int]:
    return [one.at_us for one in packets(flight) if (one.bus, one.source, one.port) == (0, source, ports.HEARTBEAT)]


def _apart_us(one: Flown, other: Flown, source: int) -> int:
    """How much later its heartbeats come in one flight."""
    pairs = zip(beats_us(one, source)[1:], beats_us(other, source)[1:], strict=False)
    return round(statistics.median(late - early for late, early in pairs))


@pytest.fixture(scope="module", params=("beacon", "eps", "sensor"))
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    role = request.param
    flights = Flights(tmp_path_factory)
    own: dict[str, Any] = ORDER | {"emulate": [role]}
    emulated = flights.fly(**own)
    order: dict[str, Any] = ORDER | {"emulate": [], "drivers": True}
    later_us: dict[str, int] = dict.fromkeys(ports.BOARDS, 0)
    for _ in range(_ALIGNMENTS):  # what one board sends delays the boot of another, so one look is not enough
        short = flights.fly(**{**order, "hours": _ALIGNMENT_H, "later_us": dict(later_us)})
        off_us = {one: _apart_us(emulated, short, ports.ADDRESSES[one]) for one in later_us}
        for one, each in off_us.items():
            later_us[one] += each
        if max(map(abs, off_us.values())) < _ALIGNED_US:
            break
    return Pair(role, emulated, flights.fly(**order, later_us=later_us))


def test_each_board_sends_the_same_packets_in_the_same_order(pair: Pair) -> None:
    for bus in (0, 1):
        for source in TABLES:
            first, second = (
                [
                    (PORTS.get(one.port, one.port), one.destination)
                    for one in packets(flight)
                    if (one.bus, one.source) == (bus, source)
                ]
                for flight in (pair.emulated, pair.virtual)
            )
            shorter = min(len(first), len(second))
            assert first[:shorter] == second[:shorter] and abs(len(first) - len(second)) <= 1, (bus, source)


def test_every_packet_is_sent_within_5_ms_of_its_counterpart(pair: Pair) -> None:
    print()
    far: list[tuple[float, str, int, float]] = []
    for port, name in PORTS.items():
        for own in (True, False):
            matched = [
                (one, other) for one, other in pair.matched(port)
                if (one.source == ports.ADDRESSES[pair.role]) is own
            ]  # fmt: skip
            off = [(one.at_us - other.at_us) / 1000 for one, other in matched]
            if off:
                near = sum(abs(one) <= NEAR_MS for one in off) / len(off)
                print(
                    f"{pair.role} emulated, {'its' if own else 'other'} {name}: {len(off)}, median "
                    f"{statistics.median(off):+.1f} ms, {near:.1%} within {NEAR_MS:g}, worst {max(off, key=abs):+.1f}"
                )
            far += [
                (one.at_us / 1e6, name, one.source, each)
                for (one, _), each in zip(matched, off, strict=True)
                if abs(each) > NEAR_MS
            ]  # fmt: skip
    assert not far


def test_heartbeats_and_events_say_the_same(pair: Pair) -> None:
    for one, other in pair.matched(ports.HEARTBEAT):
        assert one.data == other.data, (one, other)
    for one, other in pair.matched(ports.EVENT):
        first, second = (struct.unpack(EVENT, each.data) for each in (one, other))
        assert first[1:] == second[1:], (one, other)  # the sequence counts corrections of time too


def test_housekeeping_says_the_same(pair: Pair) -> None:
    differ: dict[str, list[Any]] = {}
    worst: dict[str, float] = {}
    for one, other in pair.matched(ports.HK):
        table = TABLES[one.source]
        first, second = table.unpack(one.data), table.unpack(other.data)
        for name, _, unit, scale, _ in table.fields:
            if first[name] == second[name]:
                continue
            apart = abs(first[name] - second[name]) * scale if None not in (first[name], second[name]) else 1e9
            worst[unit] = max(worst.get(unit, 0.0), apart)
            if apart > TOLERANCE.get(unit, 0.0):
                differ.setdefault(f"{table.name}.{name}", []).append((one.at_us, first[name], second[name]))
    print(f"{pair.role} emulated: what was measured differs by {worst}")
    assert not differ


def test_each_request_for_the_time_has_the_same_reply(pair: Pair) -> None:
    matched = pair.matched(ports.TIME)
    assert len(matched) >= 24  # each board's first two exchanges at the least, question and reply
    for one, other in matched:
        first, second = (struct.unpack(time_commands.EXCHANGE, each.data)[:2] for each in (one, other))
        assert first == second, (one, other)


def test_the_same_events_in_the_same_order(pair: Pair) -> None:
    first, second = (flight.summary["events"] for flight in (pair.emulated, pair.virtual))
    assert [(one["source"], one["event"]) for one in first] == [(one["source"], one["event"]) for one in second]
    print([round(1000 * (one["t_s"] - other["t_s"]), 1) for one, other in zip(first, second, strict=True)])


def test_the_same_is_transmitted(pair: Pair) -> None:
    first, second = pair.emulated.sent, pair.virtual.sent
    print([round(1000 * (one.start_s - other.start_s), 1) for one, other in zip(first, second, strict=False)], "ms")
    assert [(one.kind, one.whole) for one in first] == [(one.kind, one.whole) for one in second]
    assert len(first) >= 2
