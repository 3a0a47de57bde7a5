"""A mixed flight: EPS and sensor are virtual boards, the beacon is an emulated RP2040 that runs its real image.

They share one CSP bus, and direwolf reads what the emulated board sends. All CAN controllers are MCP2515: from one
inside an MCU the frames of a packet follow each other faster than any MCP2515's driver takes them.
"""

import re

import pytest

from flatsat.flights import HK_S, MIXED, Flights, Flown
from interop.test_beacon_judges import atest

SECONDS = round(MIXED["hours"] * 3600)
FIRST_RF_S = 5.0  # from power-on, the hold being over
SOURCE = "N0CALL-11>BEACON:NANODRAGON VIETNAM "
BOARDS = ("eps", "beacon", "sensor")


@pytest.fixture(scope="module")
def flight(tmp_path_factory: pytest.TempPathFactory) -> Flown:
    return Flights(tmp_path_factory).fly(**MIXED)


def told(flight: Flown, role: str, text: str) -> dict[str, str]:
    """The row of telemetry.csv that a frame's text tells of a board."""
    (seq,) = re.findall(rf"{role.upper()} seq=(\d+)", text)
    (one,) = [row for row in flight.rows if row["source"] == role and row[f"{role}.seq"] == seq]
    return one


def test_the_beacon_is_emulated_the_others_are_virtual(flight: Flown) -> None:
    machines = {role: flight.summary["boards"][role]["sys_implementation"]["machine"] for role in BOARDS}
    assert machines["beacon"] == "emulated RP2040"
    assert "emulated" not in machines["eps"] + machines["sensor"]


def test_all_exchange_housekeeping_and_heartbeats_on_one_bus(flight: Flown) -> None:
    for role in BOARDS:
        assert flight.said(role, "seq") == [str(k) for k in range(-(-SECONDS // HK_S))]
        assert set(flight.said(role, "boots")) == {"1"} and set(flight.said(role, "restarts")) == {"0"}
        assert set(flight.said(role, "faults")) == {"0"}
        assert {int(mode) for mode in flight.said(role, "mode", 2 * HK_S)} == {2}, "that of the EPS, by its heartbeat"
    assert flight.summary["counts"]["csp_dropped"] == 0


def test_direwolf_reads_the_emulated_boards_frames_with_its_neighbours_numbers(flight: Flown) -> None:
    frames = atest(flight.out / "bench.wav")
    assert [frame.removeprefix(SOURCE).split()[0] for frame in frames] == ["POWER", "ENVIRONMENT", "STATUS"]
    power, environment, status = frames
    eps = told(flight, "eps", power)
    assert f" battery_v={float(eps['eps.battery_v']):.3f}V " in power
    assert " mode=detumble " in power
    sensor = told(flight, "sensor", environment)
    assert f" field_x={sensor['sensor.field_x']}nT " in environment
    assert "BEACON seq=" in status


def test_the_first_byte_is_on_the_air_within_five_seconds_of_power(flight: Flown) -> None:
    first = flight.summary["first_rf_s"]
    print(f"first transmission {first:.3f} s after power-on")
    assert 0.3 < first < FIRST_RF_S


def test_no_record_between_the_boards_was_lost(flight: Flown) -> None:
    assert {role: flight.summary["boards"][role]["lost_records"] for role in BOARDS} == dict.fromkeys(BOARDS, 0)
    assert flight.summary["events"] and not flight.events("beacon", "reset")
