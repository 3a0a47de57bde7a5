"""The Wireshark dissector of CSP, run by tshark: libcsp's golden frames, damaged ones, a flight."""

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from dragonet import paths
from dragonet.flatsat.canbus import Frame
from dragonet.flatsat.devices.can_frames import FLAG_EXT_ID, FLAG_RTR
from dragonet.flatsat.pcapng import Capture
from dragonet.ground import frames

paths.use_firmware()

from core import command_table, event_table, heartbeat, ports  # noqa: E402
from csp import packet, services  # noqa: E402

SCRIPT = paths.HOST_TOOLS / "wireshark" / "dragonet_csp.lua"
VECTORS = paths.REPO / "tests" / "vectors"
HEADER = ("version", "pri", "src", "dst", "dport", "sport")
FIELDS = (*HEADER, "flags", "frames", "data", "crc.ok", "crc.over", "hmac", "service")


def tshark(file: Path, *arguments: str) -> str:
    command = ["tshark", "-X", f"lua_script:{SCRIPT}", "-d", "can.subdissector,cspcfp", "-r", str(file), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    except FileNotFoundError:
        pytest.fail("tshark is missing: sudo apt-get install tshark")
    assert done.returncode == 0 and "Lua" not in done.stderr, done.stderr
    return done.stdout


def dissect(file: Path, fields: Iterable[str] = FIELDS, *arguments: str) -> list[dict[str, str]]:
    """The fields of each CSP packet in a capture."""
    names = list(fields)
    wanted = [word for name in names for word in ("-e", f"csp.{name}")]
    lines = tshark(file, "-Y", "csp", "-T", "fields", *wanted, *arguments).splitlines()
    return [dict(zip(names, line.split("\t"), strict=True)) for line in lines]


def write(file: Path, packets: Iterable[Iterable[tuple[int, bytes]]]) -> Path:
    """A capture of packets' frames, three seconds between packets."""
    capture = Capture(file, ["CAN A", "CAN B"], 1_600_000_000_000_000)
    time_us = 0
    for one in packets:
        time_us += 3_000_000
        for identifier, data in one:
            time_us += 300
            capture.frame(0, time_us, Frame(identifier, FLAG_EXT_ID, data))
    capture.close()
    return file


def golden(name: str) -> list[dict[str, Any]]:
    vectors = json.loads((VECTORS / name).read_text())
    for one in vectors:
        one["frames"] = [(int(identifier, 16), bytes.fromhex(data)) for identifier, data in one["frames"]]
    return vectors


def fragments(raw: bytes, version: int) -> list[tuple[int, bytes]]:
    """CAN frames of header, data and trailers."""
    return list(frames.frames(frames.parsed(raw, version), version))


def long_one(version: int) -> list[tuple[int, bytes]]:
    """The frames of a packet of 60 bytes with CRC."""
    return list(frames.frames(frames.make(5, 7, 11, 20, bytes(range(60)), version), version))


@pytest.mark.parametrize("name", ["csp_v1.json", "csp_v2.json", "csp_v1_crchdr.json", "csp_v2_crchdr.json"])
def test_golden_packets_are_read(name: str, tmp_path: Path) -> None:
    vectors = golden(name)
    shown = dissect(write(tmp_path / "bus.pcapng", (one["frames"] for one in vectors)))
    assert len(shown) == len(vectors) >= 20
    for one, got in zip(vectors, shown, strict=True):
        for field in HEADER:
            assert int(got[field]) == one[field], field
        assert int(got["flags"], 16) == one["flags"]
        assert int(got["frames"]) == len(one["frames"])
        assert got["data"] == one["data"]
        if one["flags"] & packet.FLAG_CRC32:
            over = "header and data" if "crchdr" in name else "data"
            assert (got["crc.ok"], got["crc.over"]) == ("1", over)
        assert len(got["hmac"]) == (8 if one["flags"] & packet.FLAG_HMAC else 0)


@pytest.mark.parametrize("name", ["csp_v1.json", "csp_v2.json"])
def test_a_changed_bit_is_a_wrong_crc(name: str, tmp_path: Path) -> None:
    one = next(one for one in golden(name) if one["flags"] == packet.FLAG_CRC32 and len(one["frames"]) > 4)
    identifier, data = one["frames"][2]
    one["frames"][2] = identifier, bytes((data[0] ^ 0x10,)) + data[1:]
    file = write(tmp_path / "bus.pcapng", [one["frames"]])
    assert [got["crc.ok"] for got in dissect(file)] == ["0"]
    assert "CRC is wrong" in tshark(file, "-V")


@pytest.mark.parametrize("version", [1, 2])
def test_two_frames_that_changed_places_are_put_right(version: int, tmp_path: Path) -> None:
    one = long_one(version)
    one[4], one[5] = one[5], one[4]
    assert [got["crc.ok"] for got in dissect(write(tmp_path / "bus.pcapng", [one]))] == ["1"]


@pytest.mark.parametrize("version", [1, 2])
def test_a_frame_that_comes_twice_is_told_and_does_no_harm(version: int, tmp_path: Path) -> None:
    one = long_one(version)
    file = write(tmp_path / "bus.pcapng", [one[:2] + one[1:]])
    assert [got["crc.ok"] for got in dissect(file)] == ["1"]
    assert "Fragment seen before" in tshark(file, "-V")


@pytest.mark.parametrize("version", [1, 2])
def test_a_lost_frame_gives_no_packet_and_the_next_packet_is_read(version: int, tmp_path: Path) -> None:
    one = long_one(version)
    file = write(tmp_path / "bus.pcapng", [one, one[:2] + one[3:], one, one[1:]])
    assert len(dissect(file)) == 2
    assert "whose beginning is missing" in tshark(file, "-V")


def test_two_buses_are_kept_apart(tmp_path: Path) -> None:
    capture = Capture(tmp_path / "bus.pcapng", ["CAN A", "CAN B"], 0)
    one = next(one for one in golden("csp_v2.json") if one["flags"] == packet.FLAG_CRC32 and len(one["frames"]) > 4)
    for k, (identifier, data) in enumerate(one["frames"]):
        for bus in (0, 1):
            capture.frame(bus, 1000 * k, Frame(identifier, FLAG_EXT_ID, data))
    capture.frame(0, 100_000, Frame(0x123, 0, b"\x01"))
    capture.frame(0, 100_300, Frame(0x123, FLAG_EXT_ID | FLAG_RTR, bytes(4)))
    capture.close()
    shown = dissect(tmp_path / "bus.pcapng")
    assert [got["crc.ok"] for got in shown] == ["1", "1"]


@pytest.mark.parametrize("version", [1, 2])
def test_services_are_named_and_read(version: int, tmp_path: Path) -> None:
    misc = json.loads((VECTORS / f"csp_misc_v{version}.json").read_text())
    names = ("ping", "ps", "memfree", "buf_free", "uptime", "cmp_ident", "cmp_if_stats", "cmp_clock_get")
    packets = []
    for name in names:
        packets.append(fragments(bytes.fromhex(misc[name]["request"]), version))
        packets.append(fragments(bytes.fromhex(misc[name]["reply"][0]), version))
    file = write(tmp_path / "bus.pcapng", packets)
    fields = ("service", "crc.ok", "cmp.type", "cmp.code", "cmp.ident.hostname", "number", "text")
    shown = dissect(file, fields, "-o", f"cspcfp.version:{version}")
    assert len(shown) == len(packets)
    for name, request, reply in zip(names, shown[::2], shown[1::2], strict=True):
        called = name.replace("cmp_clock_get", "cmp_clock").replace("cmp_", "cmp ")
        assert (request["service"], reply["service"]) == (called, f"{called} reply")
        assert request["crc.ok"] == reply["crc.ok"] == "1"
        if name == "cmp_ident":
            data = bytes.fromhex(misc[name]["reply"][0])[packet.DATA - packet.HEADER_START[version] :]
            assert reply["cmp.ident.hostname"].encode() == data[2:22].split(b"\0")[0] != b""
            assert (int(reply["cmp.type"], 16), int(reply["cmp.code"])) == (services.REPLY, services.IDENT)
        if name in ("memfree", "uptime"):
            assert reply["number"] != ""


@pytest.fixture(scope="module")
def flight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two minutes of a flight."""
    out = tmp_path_factory.mktemp("flight")
    command = [sys.executable, "-m", "dragonet.cli", "fly", "--hours", "0.033", "--out", str(out)]
    subprocess.run(command, check=True, capture_output=True, timeout=120, env={"PYTHONPATH": str(paths.HOST_TOOLS)})
    return out


def test_every_packet_of_a_flight_is_read(flight: Path) -> None:
    """What went by CAN A and B is two packets in a capture, and one to those who count; csp.copy tells."""
    counts = json.loads((flight / "summary.json").read_text())["counts"]
    more = ("copy", "heartbeat.mode", "heartbeat.dictionary", "event.name", "time.kind", "time.s")
    shown = dissect(flight / "bus.pcapng", (*FIELDS, *more))
    copies = [got for got in shown if got["copy"]]
    assert len(shown) - len(copies) == counts["csp_packets"] > 300
    assert {got["service"] for got in copies} == {"heartbeat"}, "only they go by B in a quiet flight"
    assert all(got["crc.ok"] != "0" for got in shown)
    assert {got["service"] for got in shown} == {"heartbeat", "hk", "event", "time"}
    assert {int(got["src"]) for got in shown} == {ports.ADDRESSES[role] for role in ports.BOARDS}
    beats = [got for got in shown if got["service"] == "heartbeat"]
    for got in beats:
        mode, _, _, dictionary = heartbeat.unpack(bytes.fromhex(got["data"]))
        assert (int(got["heartbeat.mode"]), int(got["heartbeat.dictionary"], 16)) == (mode, dictionary)
    names = {line[0]: line[1] for line in event_table.EVENTS}
    events = [got for got in shown if got["service"] == "event"]
    assert [got["event.name"] for got in events[:3]] == ["boot"] * 3
    assert all(got["event.name"] == names.get(bytes.fromhex(got["data"])[8], got["event.name"]) for got in events)
    assert {got["time.kind"] for got in shown if got["service"] == "time"} == {"0", "1", "2"}
    assert sum(int(got["frames"]) for got in shown) == counts["can_frames"]


@pytest.mark.parametrize("version", [1, 2])
def test_commands_and_their_replies_are_read(version: int, tmp_path: Path) -> None:
    eps, bench = ports.ADDRESSES["eps"], ports.ADDRESSES["bench"]
    mac = bytes(range(16))
    noop, refused = command_table.COMMANDS[0], command_table.REFUSED
    asked = [b"\xff\0\0\0\x07" + bytes((noop[0],)) + b"abc", b"\x01\0\0\1\0" + mac + b"\x01", b"\x01\0\0", b""]
    answered = [b"\0\0\0\0\x07\1abc", b"\x01\0\0\1\0" + bytes((refused, 3, 0)), b"\1\0"]
    packets = [frames.frames(frames.make(bench, eps, ports.COMMAND, 20, one, version), version) for one in asked]
    packets += [frames.frames(frames.make(eps, bench, 20, ports.COMMAND, one, version), version) for one in answered]
    names = [f"command.{name}" for name in ("slot", "sequence", "mac", "name", "arguments", "status", "data")]
    shown = dissect(write(tmp_path / "bus.pcapng", packets), ("service", *names))
    assert [got["service"] for got in shown] == ["command"] * len(asked) + ["command reply"] * len(answered)
    assert [[got[name] for name in names] for got in shown] == [
        ["255", "7", "", "noop", "616263", "", ""],
        ["1", "256", mac.hex(), "reset", "", "", ""],
        [""] * 7,
        [""] * 7,
        ["", "7", "", "noop", "", "1", "616263"],
        ["", "256", "", "reset", "", "2", "0300"],
        [""] * 7,
    ]


def test_a_line_of_the_packet_list_says_who_and_what(flight: Path) -> None:
    lines = tshark(flight / "bus.pcapng", "-Y", "csp")
    assert "CSP 16 eps:63 > all:9 heartbeat, 4 bytes" in " ".join(lines.split())
    assert "Mode: silent (0)" in tshark(flight / "bus.pcapng", "-V", "-c", "20")
