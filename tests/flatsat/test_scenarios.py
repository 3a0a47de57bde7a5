"""The other built-in scenario, the user's own orbit, and what a flight of each leaves."""

import json
from pathlib import Path

from flatsat.flights import HK_S, Flights

ISS = (
    "ISS (ZARYA)\n"
    "1 25544U 98067A   21313.50000000  .00006000  00000-0  11700-3 0  9993\n"
    "2 25544  51.6440 310.0000 0004700 160.0000 200.0000 15.48600000311016\n"
)
FILES = {"summary.json", "telemetry.csv", "bus.pcapng", "ships.json"}


def test_picodragon_flies(flights: Flights) -> None:
    flight = flights.command("--scenario", "picodragon", "--hours", "0.1", "--seed", "3")
    summary = flight.summary
    assert {path.name for path in flight.out.iterdir()} >= FILES
    assert summary["satellite"] == "PICODRAGON" and summary["separation_utc"] == "2013-11-19T12:18:00.000Z"
    assert summary["flown_s"] == 360 and summary["first_rf_s"] is None and summary["burn_wire_first_on_s"] == {}
    for role, board in summary["boards"].items():
        assert board["sys_implementation"]["name"] == "micropython" and board["boots"] == 1
        assert board["pid"] > 1 and len(flight.said(role, "seq")) == 360 // HK_S
    assert len({board["pid"] for board in summary["boards"].values()}) == 3
    heights = [float(row["truth.alt_km"]) for row in flight.rows]
    assert 400 < min(heights) < max(heights) < 440
    assert all(value == "0" for value in flight.said("eps", "not_answering", 15))
    assert summary["counts"]["can_frames"] > 3 * 360 and summary["counts"]["csp_dropped"] == 0


def test_an_orbit_from_a_two_line_element_file(flights: Flights) -> None:
    path: Path = flights.folder / "iss.tle"
    path.write_text(ISS)
    flight = flights.command("--tle", str(path), "--hours", "0.02")
    heights = [float(row["truth.alt_km"]) for row in flight.rows]
    latitudes = [float(row["truth.lat_deg"]) for row in flight.rows]
    assert 405 < min(heights) < max(heights) < 440
    assert max(map(abs, latitudes)) < 51.9
    assert flight.summary["satellite"] == "NANODRAGON"


def test_standard_output_is_the_summary_with_json(flights: Flights) -> None:
    flight = flights.command("--hours", "0.01", "--json")
    log = (flight.out.parent / "log.txt").read_text()
    assert json.loads(log[log.index("{") : log.rindex("}") + 1]) == flight.summary
