"""What `dragonet generate` writes, read by others' tools, decodes the frames of a real flight to its telemetry."""

import importlib.util
import json
import math
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import cantools
import pytest
import yaml
from space_packet_parser.xtce.definitions import XtcePacketDefinition
from space_packet_parser.xtce.validation import validate_xtce

from dragonet.flatsat.housekeeping import tables
from dragonet.generate import files
from dragonet.generate.tables import dictionaries
from dragonet.paths import REPO
from flatsat.flights import PASS, Flights, Flown
from interop import capture
from interop.capture import CspPacket
from unit import beacon_ear

COMPILER = REPO / ".cache" / "kaitai" / "node_modules"
ROLES = {2: "eps", 3: "beacon", 4: "sensor"}  # core/ports.py
HEARTBEAT, HK, EVENT = 9, 10, 12
BOOT = 0  # core/event_table.py
PRIORITY_NORMAL, TO_ALL = 2, 16383


@pytest.fixture(scope="module")
def flight(tmp_path_factory: pytest.TempPathFactory) -> Flown:
    return Flights(tmp_path_factory).fly(**PASS)


@pytest.fixture(scope="module")
def frames(flight: Flown) -> list[capture.CanFrame]:
    return [one for one in capture.frames(flight.out / "bus.pcapng") if one.interface == 0]


@pytest.fixture(scope="module")
def packets(frames: list[capture.CanFrame]) -> dict[tuple[str, int], list[CspPacket]]:
    """By board and destination port."""
    found: dict[tuple[str, int], list[CspPacket]] = {}
    for one in capture.packets(frames):
        head = int.from_bytes(one.raw[:6], "big")
        found.setdefault((ROLES.get(head >> 18 & 0x3FFF, "?"), head >> 12 & 0x3F), []).append(one)
    return found


@pytest.fixture(scope="module")
def said(flight: Flown) -> dict[str, list[dict[str, Any]]]:
    """What telemetry.csv says that each board said: values by name, None where not available, and "t_s"."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in flight.rows:
        role = row["source"]
        values = {name: row[f"{role}.{name}"] for name in tables()[role].names}
        line = {name: float(value) if value else None for name, value in values.items()}
        found.setdefault(role, []).append({"t_s": float(row["t_s"]), **line})
    return found


def same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=1e-6, abs_tol=2e-5)  # five digits are in the file


# --- Kaitai Struct ---


@pytest.fixture(scope="module")
def kaitai(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ModuleType]:
    """The Python modules that kaitai-struct-compiler 0.10 makes of our .ksy files."""
    if not COMPILER.is_dir():
        pytest.fail("kaitai-struct-compiler is missing: run host_tools/setup/judges.sh")
    folder, out = tmp_path_factory.mktemp("ksy"), tmp_path_factory.mktemp("kaitai")
    for name, text in files.kaitai_files().items():
        (folder / name.replace(".ksy", ".json")).write_text(json.dumps(yaml.safe_load(text)))
    command = ["node", str(Path(__file__).with_name("compile_ksy.cjs")), str(folder), str(out)]
    try:
        run = subprocess.run(
            command, env={**os.environ, "NODE_PATH": str(COMPILER)}, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.fail("node is missing: sudo apt-get install nodejs npm")
    assert run.returncode == 0, run.stderr
    found = {}
    for path in out.glob("*.py"):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None and spec.loader is not None
        found[path.stem] = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(found[path.stem])
    return found


def read(kaitai: dict[str, ModuleType], role: str, raw: bytes) -> Any:
    return getattr(kaitai[f"dragonet_{role}"], f"Dragonet{role.capitalize()}").from_bytes(raw)


@pytest.mark.parametrize("role", ROLES.values())
def test_kaitai_reads_all_housekeeping_of_the_flight(kaitai, packets, said, role: str) -> None:
    whole = packets[role, HK]
    assert len(whole) > 100
    assert len(whole) == len(said[role])
    for one, line in zip(whole, said[role], strict=True):
        packet = read(kaitai, role, one.raw)
        assert packet._io.is_eof()
        assert (packet.csp.source.name, packet.csp.destination) == (role, TO_ALL)
        for name in tables()[role].names:
            assert same(getattr(packet.body, name), line[name]), (name, line)


@pytest.mark.parametrize("role", ROLES.values())
def test_kaitai_reads_heartbeats_and_events(kaitai, packets, role: str) -> None:
    for one in packets[role, HEARTBEAT][::50]:
        packet = read(kaitai, role, one.raw)
        assert packet._io.is_eof()
        assert packet.body.dictionary == dictionaries()[role].hash & 0xFFFF
        assert packet.body.boots == 1
    events = [read(kaitai, role, one.raw).body for one in packets[role, EVENT]]
    assert [event.number.name for event in events][0] == "boot"
    assert [event.b for event in events if event.number.value == BOOT] == [1]
    assert all(first.sequence < second.sequence for first, second in zip(events, events[1:], strict=False))


def test_kaitai_documents_the_fields_where_satnogs_looks_for_them(kaitai, packets) -> None:
    for role in ROLES.values():
        module = kaitai[f"dragonet_{role}"]
        doc = getattr(module, f"Dragonet{role.capitalize()}").__doc__
        paths = [line.split(": ", 1)[1].strip() for line in doc.splitlines() if ":field " in line]
        assert len(paths) >= len(tables()[role].names)
        packet = read(kaitai, role, packets[role, HK][-1].raw)
        for path in paths:
            value = packet
            for name in path.split("."):
                value = getattr(value, name)


def test_kaitai_reads_the_beacons_frames(kaitai, flight: Flown) -> None:
    radio = json.loads((flight.out / "radio.json").read_text())
    burst = next(one for one in radio if one["modulation"] != "OOK" and one["whole"])
    found = beacon_ear.good_frames(beacon_ear.afsk_levels(bytes.fromhex(burst["data"])))
    assert len(found) == 3
    for frame in found:
        one = kaitai["dragonet_beacon_ax25"].DragonetBeaconAx25.from_bytes(bytes(frame))
        assert (one.destination.callsign, one.destination.last) == ("BEACON", False)
        assert (one.source.callsign, one.source.ssid, one.source.last) == ("N0CALL", 11, True)
        assert one.text.startswith("NANODRAGON VIETNAM ")


# --- XTCE ---


@pytest.fixture(scope="module")
def xtce(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("xtce")
    files.save(files.xtce_files(), folder)
    return {role: folder / f"dragonet_{role}.xml" for role in ROLES.values()}


@pytest.mark.parametrize("role", ROLES.values())
def test_xtce_is_valid_by_its_schema(xtce: dict[str, Path], role: str) -> None:
    result = validate_xtce(xtce[role], allow_schema_download=False, print_results=False, raise_on_error=False)
    assert result.valid, result.errors


@pytest.mark.parametrize("role", ROLES.values())
def test_xtce_decodes_the_flight_to_its_telemetry(xtce, packets, said, role: str) -> None:
    definition = XtcePacketDefinition.from_xtce(xtce[role], root_container_name="csp")
    table = tables()[role]
    for one, line in list(zip(packets[role, HK], said[role], strict=True))[::10]:
        packet = definition.parse_bytes(one.raw)
        assert (packet["csp_priority"], packet["csp_destination"]) == (PRIORITY_NORMAL, TO_ALL)
        for name in table.names:
            if line[name] is not None:  # what is not available is outside of its valid range
                assert same(float(packet[name]), line[name]), (name, line)
    for one in packets[role, HEARTBEAT][::50]:
        packet = definition.parse_bytes(one.raw)
        assert packet["beat_dictionary"] == dictionaries()[role].hash & 0xFFFF
    packet = definition.parse_bytes(packets[role, EVENT][0].raw)
    assert (packet["event_number"], packet["event_b"]) == ("boot", 1)


# --- DBC ---


def test_dbc_decodes_every_heartbeat_and_nothing_else(frames, packets) -> None:
    database = cantools.database.load_string(files.dbc_files()["dragonet.dbc"], "dbc")
    known = {message.frame_id: message for message in database.messages}
    decoded: dict[str, list[dict[str, Any]]] = {role: [] for role in ROLES.values()}
    for one in frames:
        message = known.get(one.identifier)
        if message is None:
            continue
        values = message.decode(one.data)
        if values["csp_destination_port"] != "heartbeat":  # another packet to all that fits one frame
            continue
        decoded[message.senders[0]].append(values)
    for address, role in ROLES.items():
        beats = decoded[role]
        assert len(beats) == len(packets[role, HEARTBEAT])
        assert {beat["csp_source"] for beat in beats} == {address}
        assert {beat["dictionary"] for beat in beats} == {dictionaries()[role].hash & 0xFFFF}
        assert {beat["boots"] for beat in beats} == {1}
    modes = [beat["mode"] for beat in decoded["eps"]]
    assert (modes[0], modes[-1]) == ("silent", "detumble")


# --- SatYAML ---

# What gr-satellites 4.4 demands of a file: gnuradio's satellites/satyaml/yamlfiles.py, check_yaml.
_MODULATIONS = ("AFSK", "FSK", "BPSK", "BPSK Manchester", "DBPSK", "FSK subaudio", "OQPSK")


def test_satyaml_has_what_gr_satellites_demands() -> None:
    (name, text), = files.satyaml_files().items()
    content = yaml.safe_load(text)
    assert name == "nanodragon.yml"
    assert {"name", "norad", "data", "transmitters"} <= set(content)
    assert isinstance(content["norad"], int)
    assert list(content["data"].values()) == ["unknown"]
    for transmitter in content["transmitters"].values():
        assert transmitter["modulation"] in _MODULATIONS
        assert transmitter["framing"] == "AX.25"
        assert (transmitter["frequency"], transmitter["baudrate"]) == (437_365_000, 1200)
        assert set(transmitter["data"]) <= set(content["data"])


def test_every_time_of_the_capture_is_that_of_the_telemetry(flight: Flown, packets, said) -> None:
    epoch = datetime.fromisoformat(flight.summary["separation_utc"]).timestamp()
    for one, line in zip(packets["eps", HK], said["eps"], strict=True):
        assert abs(one.t_us / 1e6 - epoch - line["t_s"]) < 0.01
