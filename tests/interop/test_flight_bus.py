"""A flight's bus.pcapng judged by tshark; its frames, as python-can holds them, read as CSP over CAN (CFP2)."""

import struct
import subprocess
from collections import defaultdict
from datetime import datetime
from typing import NamedTuple

import can
import pytest

from dragonet.flatsat.devices.can_frames import frame_bits
from dragonet.flatsat.housekeeping import tables
from flatsat.flights import HK_S, PASS, Flights, Flown

ADDRESSES = {"eps": 2, "beacon": 3, "sensor": 4}  # core/ports.py
HEARTBEAT, HK = 9, 10
OTHERS = {12, 13, 14}  # events, ships, time
BROADCAST = 16383
A, B = "CAN A", "CAN B"
IDLE_S = 10  # firmware/csp/redundant.py: every tenth heartbeat goes on the bus that is not in use, too
CRC32_FLAG = 1  # csp: the packet ends in a CRC-32C


@pytest.fixture(scope="module")
def flight(tmp_path_factory: pytest.TempPathFactory) -> Flown:
    return Flights(tmp_path_factory).fly(**PASS)


def tshark(flight: Flown, *arguments: str) -> list[list[str]]:
    command = ["tshark", "-r", str(flight.out / "bus.pcapng"), "-n", *arguments]
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    except FileNotFoundError:
        pytest.fail("tshark is missing: sudo apt-get install tshark")
    return [line.split("\t") for line in run.stdout.splitlines()]


FIELDS = ("frame.time_epoch", "frame.interface_name", "can.id", "can.flags.xtd", "can.len", "data.data")


@pytest.fixture(scope="module")
def read(flight: Flown) -> list[list[str]]:
    """A line of FIELDS for each frame."""
    return tshark(flight, "-T", "fields", *(part for name in FIELDS for part in ("-e", name)))


@pytest.fixture(scope="module")
def buses(flight: Flown, read: list[list[str]]) -> dict[str, list[can.Message]]:
    """The frames of each bus."""
    found: dict[str, list[can.Message]] = {A: [], B: []}
    for line, message in zip(read, _messages(flight, read), strict=True):
        found[line[1]].append(message)
    return found


@pytest.fixture(scope="module")
def messages(buses: dict[str, list[can.Message]]) -> list[can.Message]:
    """The frames of bus A, which carries everything."""
    return buses[A]


def _messages(flight: Flown, read: list[list[str]]) -> list[can.Message]:
    epoch = datetime.fromisoformat(flight.summary["separation_utc"]).timestamp()
    return [
        can.Message(
            timestamp=float(at) - epoch, arbitration_id=int(identifier, 0), is_extended_id=extended in ("1", "True"),
            dlc=int(length), data=bytes.fromhex(data.replace(":", "")), check=True,
        )
        for at, _, identifier, extended, length, data in read
    ]  # fmt: skip


class Packet(NamedTuple):
    """One CSP packet: when its last frame ended, its header's fields, and its data."""

    t_s: float
    pri: int
    dst: int
    src: int
    dport: int
    sport: int
    flags: int
    data: bytes


@pytest.fixture(scope="module")
def packets(messages: list[can.Message]) -> list[Packet]:
    return _packets(messages)


def _packets(messages: list[can.Message]) -> list[Packet]:
    """CFP2 after libcsp: pri 2, dst 14, sender 6, sc 2, fc 3, begin 1, end 1; BEGIN carries src 14 and the ports."""
    found, partial = [], {}
    for message in messages:
        identifier = message.arbitration_id
        key, fragment = identifier >> 5, identifier >> 2 & 7
        if identifier & 2:
            assert fragment == 0
            partial[key] = [struct.unpack(">I", message.data[:4])[0], bytes(message.data[4:]), 0]
        else:
            partial[key][1] += bytes(message.data)
            partial[key][2] += 1
            assert fragment == partial[key][2] & 7, "fragments come in order"
        if identifier & 1:
            head, data, _ = partial.pop(key)
            assert head >> 18 & 0x3F == key >> 2 & 0x3F, "sender: the low bits of the source"
            ports = head >> 12 & 0x3F, head >> 6 & 0x3F
            found.append(Packet(message.timestamp, key >> 22, key >> 8 & 0x3FFF, head >> 18, *ports, head & 0x3F, data))
    assert not partial, "a packet without its end"
    return found


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli) bit by bit."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def test_tshark_reads_as_many_frames_as_the_bus_carried(flight: Flown, read: list[list[str]]) -> None:
    assert len(read) == flight.summary["counts"]["can_frames"] > 10_000
    assert {line[1] for line in read} == {A, B}


def test_tshark_finds_nothing_malformed(flight: Flown) -> None:
    assert tshark(flight, "-Y", "_ws.malformed || _ws.expert.severity >= 0x600000") == []


def test_both_interfaces_are_named_in_the_file(flight: Flown) -> None:
    command = ["capinfos", "-I", str(flight.out / "bus.pcapng")]  # comes with tshark
    info = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    names = [line.split("=")[1].strip() for line in info.splitlines() if line.strip().startswith("Name")]
    assert names == ["CAN A", "CAN B"]
    assert info.count("SocketCAN") == 2


def test_times_are_those_of_the_mission_and_frames_do_not_overlap(buses: dict[str, list[can.Message]]) -> None:
    for messages in buses.values():
        assert 0 < messages[0].timestamp < 1 and 3440 < messages[-1].timestamp < 3457
        for before, after in zip(messages, messages[1:], strict=False):
            bits = frame_bits(after.arbitration_id, 2, bytes(after.data))
            assert (after.timestamp - before.timestamp) * 1e6 >= bits * 2 - 1.5, "500 kbit/s, stamped at its end"


def test_every_frame_is_an_extended_data_frame_that_python_can_accepts(messages: list[can.Message]) -> None:
    for message in messages:
        assert message.is_extended_id and not message.is_remote_frame and not message.is_error_frame
        assert 0 < message.dlc <= 8 and len(message.data) == message.dlc


def test_packets_are_csp_of_our_boards_to_each_other(flight: Flown, packets: list[Packet]) -> None:
    assert len(packets) == flight.summary["counts"]["csp_packets"]
    assert {packet.src for packet in packets} == set(ADDRESSES.values())
    assert {packet.dst for packet in packets} <= {BROADCAST, *ADDRESSES.values()}
    assert {packet.dport for packet in packets} <= {HEARTBEAT, HK, *OTHERS}


def test_bus_b_carries_a_copy_of_every_tenth_heartbeat_and_no_more(
    buses: dict[str, list[can.Message]], packets: list[Packet]
) -> None:
    copies = _packets(buses[B])
    assert {packet.dport for packet in copies} == {HEARTBEAT}
    for address in ADDRESSES.values():
        times = [packet.t_s for packet in copies if packet.src == address]
        gaps = [after - before for before, after in zip(times, times[1:], strict=False)]
        settled = gaps[1:]  # while the others boot, each asks on both
        assert min(settled) > IDLE_S - 0.1 and max(settled) < IDLE_S + 0.1, (address, min(gaps), max(gaps))
    beats = {packet._replace(t_s=0) for packet in packets if packet.dport == HEARTBEAT}
    assert {packet._replace(t_s=0) for packet in copies} <= beats


def test_housekeeping_carries_its_crc_and_the_values_of_telemetry(flight: Flown, packets: list[Packet]) -> None:
    roles = {address: role for role, address in ADDRESSES.items()}
    rows = iter(flight.rows)
    checked = 0
    for packet in packets:
        if packet.dport != HK:
            continue
        assert packet.flags & CRC32_FLAG
        ports = packet.dport << 12 | packet.sport << 6
        header = struct.pack(">HI", packet.pri << 14 | packet.dst, packet.src << 18 | ports | packet.flags)
        wanted = struct.unpack(">I", packet.data[-4:])[0]
        assert wanted in (crc32c(packet.data[:-4]), crc32c(header + packet.data[:-4]))
        role, row = roles[packet.src], next(rows)
        assert row["source"] == role and float(row["t_s"]) == pytest.approx(packet.t_s, abs=2e-6)
        assert len(packet.data) - 4 == tables()[role].size
        assert struct.unpack_from(">HI", packet.data) == (int(row[f"{role}.seq"]), int(row[f"{role}.uptime_s"]))
        checked += 1
    assert checked == flight.summary["counts"]["housekeeping"] == len(flight.rows)


@pytest.mark.parametrize(("port", "period_s", "jitter_s"), [(HEARTBEAT, 1.0, 0.05), (HK, HK_S, 0.2)])
def test_each_board_keeps_its_rates(packets: list[Packet], port: int, period_s: float, jitter_s: float) -> None:
    """Heartbeats every second, housekeeping every 20: core/board.py. The first of each comes at boot."""
    times = defaultdict(list)
    for packet in packets:
        if packet.dport == port:
            times[packet.src].append(packet.t_s)
    assert sorted(times) == sorted(ADDRESSES.values())
    for address, moments in times.items():
        gaps = [b - a for a, b in zip(moments, moments[1:], strict=False)]
        assert len(moments) == pytest.approx(3456 / period_s, abs=3), address
        assert period_s - jitter_s < min(gaps) and max(gaps) < period_s + jitter_s, (address, min(gaps), max(gaps))


def test_heartbeats_are_one_frame_of_four_bytes_and_the_eps_tells_the_mode(packets: list[Packet]) -> None:
    beats = [packet for packet in packets if packet.dport == HEARTBEAT]
    assert all(len(packet.data) == 4 and not packet.flags & CRC32_FLAG for packet in beats)
    modes = [packet.data[0] & 0x0F for packet in beats if packet.src == ADDRESSES["eps"]]
    assert sorted(set(modes)) == [0, 1, 2], "silent, deploy, detumble"
    assert modes == sorted(modes)
