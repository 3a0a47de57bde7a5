"""python-can judges the open bus: a flight in real time, its frames received and a CSP ping answered, both ways in.

`dragonet bus` is tried on the same flight, since it is a user of python-can too.
"""

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import can
import pytest

from dragonet import paths
from dragonet.deploy import goldens
from dragonet.ground import frames
from interop.flying import DRAGONET, ENV, Flying

paths.use_firmware()

from core import heartbeat, ports  # noqa: E402


@pytest.fixture(scope="module")
def flying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flying]:
    one = Flying(tmp_path_factory.mktemp("real_time") / "out")
    yield one
    if one.process.poll() is None:
        one.process.kill()


def frames_of(src: int, dst: int, dport: int, sport: int, data: bytes) -> list[can.Message]:
    """A packet with CRC as CAN frames, by the flight code."""
    one = frames.make(src, dst, dport, sport, data, 2)
    return [can.Message(arbitration_id=name, data=part, is_extended_id=True) for name, part in frames.frames(one, 2, 1)]


def dragonet(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*DRAGONET, *arguments], capture_output=True, text=True, timeout=60, env=ENV, check=False)


@pytest.mark.parametrize("interface", ["slcan", "socketcand"])
def test_heartbeats_of_all_boards_are_received(flying: Flying, interface: str) -> None:
    heard = dict.fromkeys((ports.ADDRESSES[role] for role in ports.BOARDS), 0)
    with flying.bus(interface) as bus:
        until = time.monotonic() + 30
        while min(heard.values()) < 3 and time.monotonic() < until:
            message = bus.recv(0.2)
            if message is None or not message.is_extended_id or message.arbitration_id & 3 != 3:
                continue  # begin and end: a packet of one frame
            head = int.from_bytes(message.data[:4], "big")
            if head >> 12 & 0x3F == ports.HEARTBEAT:
                heartbeat.check(message.data[4:])
                heard[head >> 18] += 1
    assert all(3 <= count <= 5 for count in heard.values()), heard


@pytest.mark.parametrize("interface", ["slcan", "socketcand"])
def test_eps_answers_a_ping(flying: Flying, interface: str) -> None:
    data = bytes(range(40))
    request = frames_of(ports.ADDRESSES["bench"], ports.ADDRESSES["eps"], 1, 20, data)
    wanted = [bytes(one.data) for one in frames_of(ports.ADDRESSES["eps"], ports.ADDRESSES["bench"], 20, 1, data)]
    got: list[bytes] = []
    with flying.bus(interface) as bus:
        for message in request:
            bus.send(message)
        until = time.monotonic() + 20
        while len(got) < len(wanted) and time.monotonic() < until:
            message = bus.recv(0.2)
            if message is not None and message.arbitration_id >> 13 & 0x3FFF == ports.ADDRESSES["bench"]:
                got.append(bytes(message.data))
    assert got == wanted


def test_two_programs_hear_each_other(flying: Flying) -> None:
    with flying.bus("slcan") as one, flying.bus("socketcand") as two:
        time.sleep(0.3)
        for sender, receiver in ((one, two), (two, one)):
            sender.send(can.Message(arbitration_id=0x7F0, data=b"\x01\x02", is_extended_id=False))
            until = time.monotonic() + 20
            heard = None
            while time.monotonic() < until and (heard is None or heard.arbitration_id != 0x7F0):
                heard = receiver.recv(0.1)
            assert heard is not None and bytes(heard.data) == b"\x01\x02" and not heard.is_extended_id


def test_version_and_serial_number_of_slcan(flying: Flying) -> None:
    with flying.bus("slcan") as bus:
        assert bus.get_version(2.0) == (10, 10)
        assert bus.get_serial_number(2.0) == "CAN0"


@pytest.mark.parametrize("interface", ["slcan", "socketcand"])
def test_bus_ping_tells_times_and_losses(flying: Flying, interface: str) -> None:
    done = dragonet("bus", "ping", "eps", "--via", flying.via(interface), "--count", "3", "--interval", "0", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 0 and (found["sent"], found["received"], found["loss_percent"]) == (3, 3, 0.0)
    assert 0 < found["min_ms"] <= found["avg_ms"] <= found["max_ms"] < 1000


def test_bus_ping_of_nobody_ends_with_1(flying: Flying) -> None:
    done = dragonet("bus", "ping", "obc", "--via", flying.via("socketcand"), "--count", "1", "--timeout", "0.3")
    assert done.returncode == 1 and "1 sent, 0 received, 100 % lost" in done.stdout


def test_bus_asks_everybody(flying: Flying) -> None:
    via = f"flight:{flying.out}"
    found = {one["name"]: one for one in json.loads(dragonet("bus", "ident", "--via", via, "--json").stdout)}
    assert set(found) == {"eps", "beacon", "sensor"} and found["eps"]["hostname"] == "eps"
    assert {(one["date"], one["time"]) for one in found.values()} == {goldens.built()}
    up = {one["name"]: one for one in json.loads(dragonet("bus", "uptime", "eps", "--via", via, "--json").stdout)}
    assert set(up) == {"eps"} and up["eps"]["uptime_s"] >= 1 and up["eps"]["memory_free"] > 10_000
    stats = json.loads(dragonet("bus", "ifstat", "beacon", "CANA", "--via", via, "--json").stdout)
    assert stats["interfaces"]["CANA"]["tx"] > 0 and stats["interfaces"]["CANA"]["rx_error"] == 0
    assert stats["interfaces"]["CANA"]["drop"] == 0, "nothing in a quiet flight is for nobody"
    tasks = json.loads(dragonet("bus", "ps", "eps", "--via", via, "--json").stdout)["text"].splitlines()
    assert tasks[:2] == ["bus 0", "core 0"] and len(tasks) > 2


def test_bus_sniff_decodes_at_ten_times_the_speed(tmp_path: Path) -> None:
    flying = Flying(tmp_path / "out", "10")
    try:
        done = dragonet("bus", "sniff", "--via", flying.via("slcan"), "--seconds", "8", "--json")
        summary = flying.stop()
    finally:
        flying.process.kill()
    packets = [json.loads(line) for line in done.stdout.splitlines()]
    beats = [one for one in packets if one["what"] == "heartbeat"]
    assert {one["src_name"] for one in beats} == {"eps", "beacon", "sensor"}
    assert 50 < len(beats) < 600, "as many as in real time are 24; a busy machine catches up"
    assert {one["values"]["mode"] for one in beats} <= set(ports.MODES)
    voltages = [one["values"]["battery_v"] for one in packets if one["what"] == "hk" and one["src_name"] == "eps"]
    assert voltages and all(5 < volts < 9 for volts in voltages)
    assert summary["pace"]["speed"] == 10 and summary["speed"] < 10.5


def test_bus_capture_opens_in_tshark(flying: Flying, tmp_path: Path) -> None:
    file = tmp_path / "bus.pcapng"
    done = dragonet("bus", "capture", str(file), "--via", flying.via("socketcand"), "--seconds", "3", "--json")
    count = json.loads(done.stdout)["frames"]
    command = ["tshark", "-r", str(file), "-T", "fields", "-e", "can.id", "-e", "frame.time_epoch"]
    lines = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()
    assert count >= 5 and len(lines) == count
    assert all(1_636_423_614 <= float(line.split()[1]) < 1_636_430_000 for line in lines), "time of the mission"


@pytest.mark.parametrize(
    ("via", "text"),
    [
        ("nonsense", "no interface 'nonsense'"),
        ("slcan:", "the channel is missing"),
        ("socketcand:here", "must look like socketcand:127.0.0.1:29536/can0"),
        ("slcan:/dev/none", "No such file"),
        ("flight:/nowhere", "dragonet fly --socketcand 0"),
    ],
)
def test_a_bus_that_is_not_there_is_one_clear_line(via: str, text: str) -> None:
    done = dragonet("bus", "ping", "eps", "--via", via)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and text in done.stderr


@pytest.mark.parametrize("interface", ["slcan", "socketcand"])
def test_nobody_listening_ends_soon(interface: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    via = {"slcan": f"slcan:socket://127.0.0.1:{port}", "socketcand": f"socketcand:127.0.0.1:{port}/can0"}[interface]
    done = dragonet("bus", "ping", "eps", "--via", via)  # which has a minute, and ends long before
    assert done.returncode == 2 and "refused" in done.stderr


def test_a_server_that_says_nothing_ends_the_command() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = dragonet("bus", "sniff", "--via", f"socketcand:127.0.0.1:{server.getsockname()[1]}/can0")
        assert done.returncode == 2 and "no answer within 8 s" in done.stderr


def test_a_flight_ends_with_ctrl_c_and_what_watches_it_too(flying: Flying) -> None:
    """Last: it ends the flight."""
    command = [*DRAGONET, "bus", "sniff", "--via", flying.via("socketcand")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENV) as watcher:
        assert watcher.stdout is not None and watcher.stderr is not None
        assert "heartbeat" in watcher.stdout.readline()
        summary = flying.stop()
        assert "closed the connection" in watcher.stderr.read()
        assert watcher.wait(10) == 2
    assert 0.8 < summary["speed"] < 1.05 and summary["pace"]["speed"] == 1.0
    counts = summary["can_servers"]
    assert counts["slcan"]["sent"] > 3 and counts["socketcand"]["received"] > 50
    assert counts["slcan"]["dropped"] == counts["socketcand"]["dropped"] == 0
    assert not (flying.out / "ports.json").exists()
