"""`dragonet fly --ais LOG.nmea`: a recorded log plays while the receiver has power; pyais says what is in it."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from pyais import encode_dict
from pyais.queue import NMEAQueue

from flatsat.flights import RF_S, Flights, Flown

SHIPS, STATICS = 60, 20
FIRST_MMSI = 574_000_000
SECONDS_OFF_MIN = 60  # eps/modes.py: the body turns slowly for so long before the detumbling is over
# A satellite that hardly turns, so that NOMINAL, and with it the receiver, comes a minute after the hold.
SCENARIO = """
[spacecraft]
initial_rates_deg_s = [0.0, 0.0, 0.0]
initial_rates_sigma_deg_s = 0.0
gravity_gradient = false
[[fault]]
at = "00:47:40"
board = "eps"
do = "reset"
"""
EPS_RESET_S = 47 * 60 + 40
MALFORMED = [
    b"!AIVDM,1,1,,A,15M67FC000G?ufbE`FepT@3n00Sa,0*5D",  # wrong checksum
    b"!AIVDM,1,1,,A,15M67FC000G?uf",  # cut
    b"$GPGGA,092750.000,5321.6802,N,00630.3372,W,1,8,1.03,61.7,M,55.2,M,,*76",  # another sentence
    b"hello world",
    b"!AIVDM,9,9,,,,,,,*00",
    b"!AIVDM,1,1,,A," + b"0" * 400 + b",0*00",  # longer than any sentence
    bytes(range(0x80, 0x100)),
]


def messages(rng: random.Random) -> list[list[bytes]]:
    """Sentences of each message: a position of every ship, names and voyages of some."""
    made = []
    for k in range(SHIPS):
        message = {
            "type": (1, 18)[k % 2], "mmsi": FIRST_MMSI + k,
            "lat": rng.uniform(-80, 80), "lon": rng.uniform(-179, 179),
            "speed": rng.choice([0.0, 102.3, rng.uniform(0, 60)]), "course": rng.choice([360.0, rng.uniform(0, 359.9)]),
            "heading": rng.choice([511, rng.randrange(360)]), "status": rng.choice([0, 1, 5, 15]),
        }  # fmt: skip
        made.append(message)
        if k < STATICS:
            made.append({
                "type": 5, "mmsi": FIRST_MMSI + k, "shipname": f"SHIP {k}", "callsign": f"XV{k:04d}",
                "ship_type": 70 + k % 10,
                "imo": 9_000_000 + k, "destination": rng.choice(["HAIPHONG", "DA NANG", "CAM RANH"]),
            })  # fmt: skip
    return [[line.encode() for line in encode_dict(one, radio_channel="A", talker_id="AI")] for one in made]


@pytest.fixture(scope="module")
def log(flights: Flights) -> Path:
    """The same file for every worker: a line in eight is malformed, and blank lines are none."""
    rng = random.Random(5)
    lines: list[bytes] = []
    bad = 0
    for sentences in messages(rng):
        lines += sentences
        if rng.random() < 0.15:
            lines += [MALFORMED[bad % len(MALFORMED)], b""]
            bad += 1
    path = flights.folder / "log.nmea"
    data = b"\r\n".join(lines) + b"\r\n"
    if not path.exists() or path.read_bytes() != data:
        path.write_bytes(data)
    return path


@pytest.fixture(scope="module")
def flight(flights: Flights, log: Path) -> Flown:
    scenario = flights.folder / "still.toml"
    scenario.write_text(SCENARIO)
    return flights.command("--scenario", str(scenario), "--ais", str(log), "--hours", "0.83", "--seed", "51")


@pytest.fixture(scope="module")
def decoded(log: Path) -> dict[int, dict[str, Any]]:
    """What pyais makes of the log: MMSI -> the values of its messages."""
    queue, ships = NMEAQueue(), {}
    for line in log.read_bytes().splitlines():
        queue.put_line(line)
    while (sentence := queue.get_or_none()) is not None:
        if sentence.is_valid:
            found = sentence.decode().asdict(enum_as_int=True)
            ships.setdefault(int(found["mmsi"]), {}).update(found)
    return ships


@pytest.fixture(scope="module")
def ships(flight: Flown) -> list[dict[str, Any]]:
    return json.loads((flight.out / "ships.json").read_text())


def test_the_receiver_is_off_until_the_satellite_is_nominal(flight: Flown) -> None:
    on_s = flight.events("eps", "ais on")[0]
    print(f"AIS on at {on_s} s")
    assert RF_S + SECONDS_OFF_MIN < on_s < RF_S + SECONDS_OFF_MIN + 20
    before = [row for row in flight.rows if row["source"] == "eps" and float(row["t_s"]) < on_s]
    assert all(int(row["eps.loads_on"]) & 4 == 0 for row in before)
    assert all(abs(float(row["eps.load_ais_a"] or 0)) < 0.002 for row in before)
    assert all(value in ("0", "") for value in flight.said("sensor", "sentences", 0, on_s))
    after = flight.said("eps", "load_ais_a", on_s + 12, EPS_RESET_S)
    assert after and all(float(value) > 0.05 for value in after)


def test_the_whole_log_is_played_and_its_malformed_lines_are_counted(flight: Flown, log: Path) -> None:
    lines = [line for line in log.read_bytes().splitlines() if line.strip()]
    counts = flight.summary["counts"]
    assert counts["ais_log_lines"] == counts["ais_log_played"] == counts["ais_sentences"] == len(lines)
    valid = sum(len(sentences) for sentences in messages(random.Random(5)))
    assert counts["ais_log_malformed"] == len(lines) - valid > 5


def test_the_board_counts_what_it_read_and_what_it_dropped(flight: Flown) -> None:
    last = [row for row in flight.rows if row["source"] == "sensor"][-1]
    read = {kind: int(last[f"sensor.ais_{kind}"]) for kind in (1, 5, 18)}
    assert read == {1: SHIPS // 2, 5: STATICS, 18: SHIPS // 2}
    drops = {name: int(value) for name, value in last.items() if name.startswith("sensor.drop_")}
    assert sum(drops.values()) >= flight.summary["counts"]["ais_log_malformed"] - 1, drops
    assert int(last["sensor.uart_full"]) == 0
    assert int(last["sensor.ships"]) == SHIPS
    assert int(last["sensor.restarts"]) == 0


def test_ships_json_has_one_entry_for_each_mmsi(ships: list, decoded: dict) -> None:
    numbers = [ship["mmsi"] for ship in ships]
    assert len(numbers) == len(set(numbers)) == SHIPS
    assert set(numbers) == set(decoded)


def test_ships_json_tells_what_pyais_reads_in_the_log(
    ships: list[dict[str, Any]], decoded: dict[int, dict[str, Any]]
) -> None:
    absent = {"speed": 102.3, "course": 360.0, "heading": 511, "status": 15, "lat": 91.0, "lon": 181.0}
    named = 0
    for ship in ships:
        known = decoded[ship["mmsi"]]
        for name, none in absent.items():
            if name == "status" and known.get("status") is None:
                assert ship["status"] is None, "class B has no status"
            elif known[name] == none:
                assert ship[name] is None, (name, ship)
            else:
                assert ship[name] == pytest.approx(known[name], abs=1e-6), (name, ship)
        if "shipname" in known:
            named += 1
            for name in ("shipname", "callsign", "ship_type", "imo", "destination"):
                assert ship[name] == known[name], (name, ship)
    assert named == STATICS


def test_the_eps_resets_and_the_boards_it_feeds_do_not(flight: Flown) -> None:
    """The load switches latch: beacon and sensor board keep their power while their EPS starts anew."""
    assert flight.summary["boards"]["eps"]["boots"] == 2
    assert flight.summary["boards"]["beacon"]["boots"] == flight.summary["boards"]["sensor"]["boots"] == 1
    assert flight.events("eps", "beacon") == flight.events("eps", "sensor") == []
