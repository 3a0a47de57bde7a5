"""The same seed repeats a flight byte for byte, on a busy machine too; another seed makes another flight."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from flatsat.flights import PASS, Flights, Flown

FILES = ("telemetry.csv", "bus.pcapng", "beacon-cw.wav", "beacon-afsk1200.wav", "ships.json")
OF_THE_MACHINE = ("wall_s", "speed", "boards")  # of summary.json; boards hold process ids


def command(flights: Flights, seed: int) -> Flown:
    """By `dragonet fly`, to the end of the pass over Hoa Lac: the recordings are compared too."""
    return flights.command("--scenario", "nanodragon", "--hours", str(PASS["hours"]), "--seed", str(seed))


@pytest.fixture
def busy_machine() -> Iterator[None]:
    """Two programs that take what they get of every core."""
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    yield
    for hog in hogs:
        hog.kill()
        hog.wait()


def differing(one: Flown, other: Flown) -> list[str]:
    return [name for name in FILES if (one.out / name).read_bytes() != (other.out / name).read_bytes()]


def test_the_same_seed_repeats_the_flight_byte_for_byte(flights: Flights, busy_machine: None) -> None:
    first = flights.fly(**PASS)
    again = command(flights, PASS["seed"])
    assert (first.out / "bus.pcapng").stat().st_size > 500_000
    assert len(first.summary["recording"]["cw"]) >= 3
    assert differing(first, again) == []
    for name in first.summary:
        if name not in OF_THE_MACHINE:
            assert first.summary[name] == again.summary[name], name
    for role, board in first.summary["boards"].items():
        assert board["clock_ppm"] == again.summary["boards"][role]["clock_ppm"]
        assert (first.out / "boards" / role / "fram.bin").read_bytes() == (
            again.out / "boards" / role / "fram.bin"
        ).read_bytes()


def test_another_seed_makes_another_flight(flights: Flights) -> None:
    first = flights.fly(**PASS)
    other = command(flights, PASS["seed"] + 1)
    assert differing(first, other) == ["telemetry.csv", "bus.pcapng", "beacon-cw.wav", "beacon-afsk1200.wav"]
    clocks = [{role: board["clock_ppm"] for role, board in one.summary["boards"].items()} for one in (first, other)]
    assert not set(clocks[0].values()) & set(clocks[1].values())
    assert first.summary["first_rf_s"] != other.summary["first_rf_s"]
