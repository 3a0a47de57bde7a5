"""The host's CSP client, both versions, on a bus of which each answer is known; and the names of buses."""

import json
import struct
import time
from collections import deque
from pathlib import Path
from typing import Any

import can
import pytest

from dragonet import paths
from dragonet.errors import UserError
from dragonet.ground import bus_watch, frames, via
from dragonet.ground.bus_packets import BusPackets
from dragonet.ground.csp_client import CspClient, node_address, node_name

paths.use_firmware()

from core import ports  # noqa: E402

VECTORS = paths.REPO / "tests" / "vectors"
BENCH, EPS = 30, 2


class FakeBus:
    """Stands for a Link. answers: (source, destination port, source port, data) for each packet that was sent."""

    text = "fake"

    def __init__(self, version: int) -> None:
        self.version = version
        self.sent: list[Any] = []
        self.answers = lambda dport, sport, data: [(EPS, sport, dport, data)]
        self._reader = BusPackets(self._whole, version)
        self._frames: deque[tuple[int, bytes]] = deque()
        self._count = 0

    def send(self, identifier: int, data: bytes) -> None:
        self._reader.frame(round(time.monotonic() * 1e6), identifier, data)

    def _whole(self, time_us: int, one: Any, data: bytes) -> None:
        self.sent.append((one.src, one.dst, one.dport, one.sport, data))
        for src, dport, sport, content in self.answers(one.dport, one.sport, data):
            self.say(src, BENCH, dport, sport, content)

    def say(self, src: int, dst: int, dport: int, sport: int, data: bytes) -> None:
        self._count += 1
        one = frames.make(src, dst, dport, sport, data, self.version)
        self._frames += frames.frames(one, self.version, self._count)

    def receive(self, timeout_s: float) -> can.Message | None:
        if not self._frames:
            time.sleep(min(timeout_s, 0.02))
            return None
        identifier, data = self._frames.popleft()
        return can.Message(arbitration_id=identifier, data=data, is_extended_id=True, timestamp=1_600_000_000.0)


@pytest.fixture(params=[1, 2])
def bus(request: pytest.FixtureRequest) -> FakeBus:
    return FakeBus(request.param)


def client(bus: FakeBus) -> CspClient:
    return CspClient(bus, version=bus.version)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("size", [0, 1, 2, 4, 100, 252])
def test_a_ping_of_any_size_comes_back(bus: FakeBus, size: int) -> None:
    took = client(bus).ping(EPS, bytes(range(size)), 0.5)
    assert took is not None and 0 < took < 500
    assert bus.sent == [(BENCH, EPS, 1, bus.sent[0][3], bytes(range(size)))]


def test_answers_of_others_to_other_ports_or_with_other_data_do_not_count(bus: FakeBus) -> None:
    bus.answers = lambda dport, sport, data: [
        (4, sport, dport, data), (EPS, sport + 1, dport, data), (EPS, sport, 9, data), (EPS, sport, dport, data + b"x")
    ]  # fmt: skip
    assert client(bus).ping(EPS, b"hello", 0.1) is None


def test_a_late_answer_does_not_pass_for_the_next_one(bus: FakeBus) -> None:
    one = client(bus)
    bus.answers = lambda dport, sport, data: []
    assert one.ping(EPS, b"same", 0.05) is None
    late_port = bus.sent[0][3]
    bus.say(EPS, BENCH, late_port, 1, b"same")
    assert one.ping(EPS, b"same", 0.1) is None


def test_everybody_answers_a_broadcast(bus: FakeBus) -> None:
    bus.answers = lambda dport, sport, data: [(src, sport, dport, src.to_bytes(4, "big")) for src in (2, 3, 4)]
    one = client(bus)
    assert one.numbers(one.broadcast, 6, 0.1) == {2: 2, 3: 3, 4: 4}


def test_services_are_read_as_libcsp_answers_them(bus: FakeBus) -> None:
    misc = json.loads((VECTORS / f"csp_misc_v{bus.version}.json").read_text())

    def golden(name: str) -> bytes:
        """Data of libcsp's reply, without header and CRC."""
        return bytes(frames.parsed(bytes.fromhex(misc[name]["reply"][0]), bus.version).data)[:-4]

    replies = {"uptime": 6, "memfree": 3, "buf_free": 5}
    one = client(bus)
    for name, port in replies.items():
        bus.answers = lambda dport, sport, data, name=name: [(EPS, sport, dport, golden(name))]
        assert one.numbers(EPS, port, 0.2) == {EPS: int.from_bytes(golden(name), "big")}
    bus.answers = lambda dport, sport, data: [(EPS, sport, dport, golden("cmp_ident"))]
    found = one.ident(EPS, 0.2)[EPS]
    assert found["hostname"].encode() == golden("cmp_ident")[2:22].rstrip(b"\0") and set(found) > {"model", "revision"}
    bus.answers = lambda dport, sport, data: [(EPS, sport, dport, golden("cmp_if_stats"))]
    stats = one.if_stats(EPS, "CAN", 0.2)
    assert stats is not None and stats["tx"] == int.from_bytes(golden("cmp_if_stats")[13:17], "big")
    wanted = bytes(frames.parsed(bytes.fromhex(misc["cmp_if_stats"]["request"]), bus.version).data)[:-4]
    assert bus.sent[-1][4][:2] == wanted[:2] and len(bus.sent[-1][4]) == len(wanted)
    text = golden("ps")
    bus.answers = lambda dport, sport, data: [(EPS, sport, dport, text), (EPS, sport, dport, b"second")]
    assert one.processes(EPS, 0.1) == (text + b"second").rstrip(b"\0").decode()


def test_watching_shows_unknown_packets_too(bus: FakeBus) -> None:
    bus.say(EPS, BENCH, 20, 1, b"pong")
    bus.say(7, 3, 16, 33, bytes(40))
    shown = list(bus_watch.packets(bus, bus.version, None, 2))  # pyright: ignore[reportArgumentType]
    assert [one["what"] for one in shown] == ["ping reply", "port 16"]
    lines = [bus_watch.line(one) for one in shown]
    assert "eps:1 > bench:20" in lines[0] and "706f6e67" in lines[0]
    assert "7:33 > sensor" not in lines[1] and "7:33 > beacon:16" in lines[1] and "40 bytes" in lines[1]


def test_watching_tells_events_time_and_commands(bus: FakeBus) -> None:
    bus.say(EPS, 31, ports.EVENT, 63, struct.pack(">IIBBii", 7, 2700, 129, 1, 2, 0))
    bus.say(EPS, 4, ports.TIME, ports.TIME, struct.pack(">BBBBIIH", 1, 9, 1, 0, 1000, 17, 250))
    bus.say(BENCH, EPS, ports.COMMAND, 20, b"\xff\0\0\0\x05\x00abc")
    bus.say(BENCH, EPS, ports.COMMAND, 20, b"\x00\0\0\0\x06" + bytes(16) + b"\x01")
    bus.say(EPS, BENCH, 20, ports.COMMAND, b"\x00\0\0\0\x05\x01abc")
    bus.say(EPS, BENCH, 20, ports.COMMAND, b"\x01\0\0\0\x06\x02\x06\0")
    broken = [
        (ports.EVENT, 63, b"ab"),
        (ports.TIME, 14, bytes(13)),
        (ports.COMMAND, 20, b"\x01\0"),
        (20, 11, b"\x01\0"),
    ]
    for dport, sport, data in broken:
        bus.say(EPS, BENCH, dport, sport, data)
    shown = list(bus_watch.packets(bus, bus.version, None, 6 + len(broken)))  # pyright: ignore[reportArgumentType]
    values = [one.get("values") for one in shown]
    assert values == [
        {"name": "level", "severity": "warning", "a": 2, "b": 0, "sequence": 7, "mission_s": 2700},
        {"kind": "reply", "tag": 9, "synchronised": True, "steps": 0, "time_s": 1000, "time_us": 17, "held_us": 250},
        {"command": "noop", "slot": None, "sequence": 5, "arguments": "616263"},
        {"command": "reset", "slot": 0, "sequence": 6, "arguments": ""},
        {"command": "noop", "sequence": 5, "status": "completed", "data": "616263"},
        {"command": "reset", "sequence": 6, "status": "refused", "reason": "forged"},
        *[None] * len(broken),
    ]
    assert "name=level severity=warning a=2 b=0" in bus_watch.line(shown[0])


def test_nodes_are_named_by_role_or_address() -> None:
    assert (node_address("EPS", 2), node_address("31", 1), node_address("16383", 2)) == (2, 31, 16383)
    assert (node_name(3, 2), node_name(31, 1), node_name(77, 2)) == ("beacon", "all", "77")
    for text, version in (("32", 1), ("16384", 2), ("mars", 2), ("0", 2), ("-1", 2)):
        with pytest.raises(UserError, match="none of obc, eps"):
            node_address(text, version)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("slcan:socket://h:33", {"interface": "slcan", "channel": "socket://h:33", "sleep_after_open": 0.0}),
        ("slcan:/dev/ttyACM0", {"interface": "slcan", "channel": "/dev/ttyACM0", "bitrate": 250_000}),
        ("socketcand:[::1]:29536/can1", {"interface": "socketcand", "host": "::1", "port": 29536, "channel": "can1"}),
        ("socketcand:host:1", {"interface": "socketcand", "host": "host", "port": 1, "channel": "can0"}),
        ("gs_usb:0", {"interface": "gs_usb", "channel": 0, "index": 0}),
        ("socketcan:can0", {"interface": "socketcan", "channel": "can0"}),
        ("pcan:PCAN_USBBUS1", {"interface": "pcan", "channel": "PCAN_USBBUS1", "bitrate": 250_000}),
    ],
)
def test_a_bus_is_named_by_interface_and_channel(text: str, wanted: dict[str, object]) -> None:
    options = via._options(text, 250_000)
    assert wanted.items() <= options.items()
    assert ("bitrate" in options) == (wanted["interface"] not in ("socketcan", "socketcand"))


def test_a_flight_is_found_by_its_folder(tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text('{"slcan": ["127.0.0.1", 5]}')
    assert via._of_flight(f"flight:{tmp_path}") == "slcan:socket://127.0.0.1:5"
    (tmp_path / "ports.json").write_text("[broken")
    with pytest.raises(UserError, match="no flight with an open bus"):
        via._of_flight(f"flight:{tmp_path}")
