"""Boards whose CAN is an MCP2515 on SPI, as on the RP2040, exchange what boards with a controller inside exchange."""

from pathlib import Path

import pytest

from dragonet import paths
from dragonet.flatsat import costs, scenario
from dragonet.flatsat.flight import SECOND_US, Flight
from dragonet.flatsat.one_core import one_core
from flatsat.bus_node import BusNode
from flatsat.flights import HK_S, Flights, Flown

paths.use_firmware()

from core import ports  # noqa: E402

HOURS = 1.0
CONTROLLER = '\n[can]\ncontroller = "mcp2515"\n'
NANODRAGON = (scenario.FOLDER / "nanodragon.toml").read_text() + CONTROLLER
ROUGH = """
[ships]
count = 0
[can]
controller = "mcp2515"
error_rate = 0.02
[[fault]]
at = "00:01:00"
board = "sensor"
do = "can_off"
[[fault]]
at = "00:01:40"
board = "sensor"
do = "can_on"
[[fault]]
at = "00:02:00"
board = "beacon"
do = "reset"
"""
BOARDS = ("eps", "beacon", "sensor")
PINGS, PING_BYTES, PING_S = 60, 64, 0.5  # of nine frames


@pytest.fixture(scope="module")
def hour(flights: Flights) -> Flown:
    return flights.fly(NANODRAGON, hours=HOURS, seed=1)


@pytest.fixture(scope="module")
def rough(flights: Flights) -> Flown:
    """Two frames of a hundred are destroyed, one board loses the bus for 40 s, another is reset."""
    return flights.fly(ROUGH, hours=0.06, seed=2)


def test_every_housekeeping_packet_and_heartbeat_is_exchanged(hour: Flown) -> None:
    seconds = round(HOURS * 3600)
    counts = hour.summary["counts"]
    assert counts["housekeeping"] == 3 * seconds // HK_S
    assert counts["csp_packets"] >= 3 * seconds + counts["housekeeping"], "a heartbeat a second of each board"
    assert counts["csp_dropped"] == 0
    for role in BOARDS:
        assert hour.said(role, "seq") == [str(k) for k in range(seconds // HK_S)]
        assert set(hour.said(role, "boots")) == {"1"} and set(hour.said(role, "restarts")) == {"0"}
        assert set(hour.said(role, "faults")) == {"0"}
        assert hour.console(role) == ""


def test_the_mode_of_the_eps_reaches_the_others_by_its_heartbeat(hour: Flown) -> None:
    told = hour.said("eps", "mode", 2 * HK_S)
    assert len(set(told)) > 1
    for role in ("beacon", "sensor"):
        assert hour.said(role, "mode", 2 * HK_S)[-1] == told[-1]
        assert set(hour.said(role, "mode", 2 * HK_S)) == set(told)


def test_an_mcp2515_that_was_cut_off_comes_back_to_the_bus(rough: Flown) -> None:
    assert rough.summary["counts"]["can_errors"] > 5
    assert rough.said("sensor", "seq", 62, 99) == []
    assert len(rough.said("sensor", "seq", 101)) >= 4
    assert rough.said("eps", "seq") == [str(k) for k in range(len(rough.said("eps", "seq")))]
    for role in BOARDS:
        assert set(rough.said(role, "restarts")) == {"0"}


def test_a_reset_board_finds_its_mcp2515_again(rough: Flown) -> None:
    assert rough.said("beacon", "boots")[-1] == "2"
    assert len(rough.said("beacon", "seq", 121)) >= 4


def test_no_ping_is_lost_where_the_drivers_take_as_long_as_on_an_rp2040(tmp_path: Path) -> None:
    """Beside the boards' own heartbeats and housekeeping. In two receive buffers is room for half a millisecond."""
    flight = Flight(scenario.loads(NANODRAGON).with_hours(0.1), 2, tmp_path, lambda *_: [])
    for board in flight.boards.values():
        board.costs = costs.with_drivers()
    lost: dict[str, list[int]] = {}
    try:
        with one_core():
            flight.rails.apply()
            flight.hub.run(15 * SECOND_US)
            node = BusNode(flight)
            for role in BOARDS:
                took = [node.ping(ports.ADDRESSES[role], bytes((k,)) * PING_BYTES, PING_S) for k in range(PINGS)]
                lost[role] = [k for k, ms in enumerate(took) if ms is None]
    finally:
        flight.stop()
    assert lost == {role: [] for role in BOARDS}
