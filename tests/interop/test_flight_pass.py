"""A flight's recording judged by direwolf and multimon-ng: every frame is read, every number is telemetry.csv's."""

import re
import wave
from pathlib import Path

import pytest

from dragonet.flatsat.housekeeping import tables
from flatsat.flights import DEAD_S, HK_S, ORPHANED, PASS, Flights, Flown
from interop.test_beacon_judges import atest, multimon_afsk, multimon_cw

SATELLITE = "NANODRAGON VIETNAM "
SOURCE = "N0CALL-11>BEACON:"
MODES = ("silent", "deploy", "detumble", "nominal", "low_power", "safe", "critical")  # core/ports.py
FRESH_S = 60  # beacon/text.py: older values are not told
FRAMES_A_BURST = 3  # beacon/text.py: POWER, ENVIRONMENT, STATUS
UNITS = {role: {field[0]: field[2].replace("degC", "C") for field in table.fields} for role, table in tables().items()}


@pytest.fixture(scope="module")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Flights:
    return Flights(tmp_path_factory)


@pytest.fixture(scope="module")
def flight(flights: Flights) -> Flown:
    return flights.fly(**PASS)


@pytest.fixture(scope="module")
def frames(flight: Flown) -> list[str]:
    """What direwolf reads, without the addresses."""
    lines = atest(flight.out / "beacon-afsk1200.wav")
    assert all(line.startswith(SOURCE) for line in lines), lines
    return [line.removeprefix(SOURCE) for line in lines]


@pytest.fixture(scope="module")
def messages(flight: Flown) -> list[str]:
    """What multimon-ng reads of the Morse, message by message."""
    text = multimon_cw(flight.out / "beacon-cw.wav")
    return [part.strip() + " +" for part in text.split("+") if part.strip()]


def clips(flight: Flown, kind: str) -> list[dict]:
    return flight.summary["recording"][kind]


def row_of(flight: Flown, role: str, seq: int) -> dict[str, str]:
    """The row of telemetry.csv made by this packet of housekeeping."""
    (row,) = [row for row in flight.rows if row["source"] == role and row[f"{role}.seq"] == str(seq)]
    return row


def test_all_transmissions_within_the_pass_are_recorded_and_no_other(flight: Flown) -> None:
    over = flight.summary["recording"]["pass"]
    whole = [one for one in flight.sent if over["rise_s"] <= one.start_s and one.stop_s <= over["set_s"]]
    for kind, most in (("cw", 6), ("afsk", 13)):
        expected = [one.start_s for one in whole if one.kind == kind]
        assert [clip["start_us"] / 1e6 for clip in clips(flight, kind)] == expected
        assert most - 1 <= len(expected) <= most


@pytest.mark.parametrize(("name", "kind"), [("beacon-cw.wav", "cw"), ("beacon-afsk1200.wav", "afsk")])
def test_recordings_are_48_khz_mono_and_hold_what_the_summary_says(flight: Flown, name: str, kind: str) -> None:
    with wave.open(str(flight.out / name)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (48_000, 1, 2)
        last = clips(flight, kind)[-1]
        assert file.getnframes() / 48_000 == pytest.approx(last["offset_s"] + last["seconds"] + 1.5, abs=0.1)


def test_direwolf_reads_every_frame_that_was_sent(flight: Flown, frames: list[str]) -> None:
    """Counted by the board itself in its housekeeping, and by the transmissions of the summary."""
    bursts = clips(flight, "afsk")
    first_s, last_s = bursts[0]["start_us"] / 1e6, bursts[-1]["start_us"] / 1e6 + bursts[-1]["seconds"]
    before = int(flight.said("beacon", "frames_sent", 0, first_s)[-1])
    after = int(flight.said("beacon", "frames_sent", last_s + 0.5)[0])
    assert len(frames) == after - before == FRAMES_A_BURST * len(bursts)
    assert len(frames) >= 33
    sent = flight.texts(first_s - 0.001, last_s, "afsk")
    assert frames == sent


def test_multimon_reads_the_same_frames(flight: Flown, frames: list[str]) -> None:
    assert multimon_afsk(flight.out / "beacon-afsk1200.wav") == [SOURCE + frame for frame in frames]


def test_multimon_reads_every_cw_message_exactly(flight: Flown, messages: list[str]) -> None:
    first_s = clips(flight, "cw")[0]["start_us"] / 1e6
    assert len(messages) == len(clips(flight, "cw"))
    assert messages == flight.texts(first_s - 0.001, kind="cw")[: len(messages)]
    for text in messages:
        assert text.startswith("VVV DE N0CALL " + SATELLITE)


def test_each_frame_names_the_satellite_and_fits_a_frame(frames: list[str]) -> None:
    for text in frames:
        assert text.startswith(SATELLITE) and len(text) <= 256, text
    kinds = [text.removeprefix(SATELLITE).split()[0] for text in frames]
    assert kinds == ["POWER", "ENVIRONMENT", "STATUS"] * (len(frames) // 3)


def test_every_number_in_the_frames_is_that_of_telemetry(flight: Flown, frames: list[str]) -> None:
    compared = 0
    for text in frames:
        words = text.removeprefix(SATELLITE).split()[1:]
        role, row = "", {}
        for at, word in enumerate(words):
            if word in ("EPS", "SENSOR", "BEACON"):
                role = word.lower()
                assert words[at + 1].startswith("seq="), text
                row = row_of(flight, role, int(words[at + 1][4:]))
                continue
            name, shown = word.split("=")
            known = row[f"{role}.{name}"]
            if shown == "NA":
                assert known == "", (word, text)
            elif name == "mode":
                assert shown == MODES[int(known)], (word, text)
            else:
                number, unit = re.fullmatch(r"(-?\d+(?:\.\d+)?)(.*)", shown).groups()
                assert unit == UNITS[role][name], (word, text)
                decimals = len(number.partition(".")[2])
                assert round(float(known), decimals) == float(number), (word, known, text)
            compared += 1
    assert compared >= 30 * len(frames) / FRAMES_A_BURST


def test_numbers_are_of_the_moment(flight: Flown, frames: list[str]) -> None:
    """No housekeeping in a frame is older than its period, and the frame's own begin."""
    bursts = clips(flight, "afsk")
    for at, text in enumerate(frames):
        start_s = bursts[at // FRAMES_A_BURST]["start_us"] / 1e6
        for role, seq in re.findall(r"(EPS|SENSOR|BEACON) seq=(\d+)", text):
            age_s = start_s - float(row_of(flight, role.lower(), int(seq))["t_s"])
            assert 0 <= age_s < HK_S + 0.5, (age_s, text)


def test_every_number_in_the_morse_is_that_of_telemetry(flight: Flown, messages: list[str]) -> None:
    for text, clip in zip(messages, clips(flight, "cw"), strict=True):
        said = re.fullmatch(r"VVV DE N0CALL NANODRAGON VIETNAM B(\d+) S(\d+) M(\d) N(\d+) T(-?\d+) R(\d+) \+", text)
        assert said, text
        battery_mv, soc, mode, seq, pa, boots = map(int, said.groups())
        eps = row_of(flight, "eps", seq)
        assert battery_mv == round(float(eps["eps.battery_v"]) * 1000)
        assert soc == round(float(eps["eps.soc"]))
        assert mode == int(eps["eps.mode"])
        start_s = clip["start_us"] / 1e6
        assert 0 <= start_s - float(eps["t_s"]) < HK_S + 0.5
        own = [row for row in flight.rows if row["source"] == "beacon" and float(row["t_s"]) < start_s][-1]
        assert pa == round(float(own["beacon.pa_t"]))
        assert boots == int(own["beacon.boots"])


def test_what_is_told_is_near_the_truth(flight: Flown, frames: list[str]) -> None:
    """The way from the world through chips, drivers, bus, text and sound to direwolf keeps each quantity."""
    for text in frames:
        if " POWER " in text:
            row = row_of(flight, "eps", int(re.search(r"seq=(\d+)", text)[1]))
            volts = float(re.search(r"battery_v=([\d.]+)V", text)[1])
            assert abs(volts - float(row["truth.battery_v"])) < 0.25
            assert abs(float(re.search(r"soc=([\d.]+)%", text)[1]) - 100 * float(row["truth.soc"])) < 8
        elif " ENVIRONMENT " in text:
            row = row_of(flight, "sensor", int(re.search(r"seq=(\d+)", text)[1]))
            field = [float(value) / 1000 for value in re.findall(r"field_.=(-?\d+)nT", text)]
            truth = [float(row[f"truth.field_{axis}_ut"]) for axis in "xyz"]
            assert abs(sum(v * v for v in field) ** 0.5 - sum(v * v for v in truth) ** 0.5) < 3


def test_direwolf_reads_a_beacon_whose_neighbours_are_dead(flights: Flights) -> None:
    alone = flights.fly(**ORPHANED)
    lines = atest(alone.out / "beacon-afsk1200.wav")
    assert len(lines) == FRAMES_A_BURST * len(clips(alone, "afsk"))
    starts = [clip["start_us"] / 1e6 for clip in clips(alone, "afsk") for _ in range(FRAMES_A_BURST)]
    dead = 0
    for line, start_s in zip(lines, starts, strict=True):
        assert line.startswith(SOURCE + SATELLITE)
        if start_s < DEAD_S:
            assert not re.search(r"(EPS|SENSOR) NA", line), line
        elif start_s > DEAD_S + FRESH_S:
            assert re.search(r"(EPS|SENSOR) NA", line), line
            dead += 1
    assert dead >= 4 * FRAMES_A_BURST
    morse = multimon_cw(alone.out / "beacon-cw.wav")
    assert "VVV DE N0CALL NANODRAGON VIETNAM B- S- M- U" in morse


def test_without_a_call_sign_nothing_is_sent(flights: Flights, tmp_path: Path) -> None:
    """Transmission is inhibited until the call sign is configured."""
    silent = flights.fly('[mission]\ncallsign = ""\nname = "NANODRAGON"\n[ships]\ncount = 0\n', hours=0.77, seed=3)
    assert silent.sent == [] and silent.summary["first_rf_s"] is None
    assert silent.said("beacon", "rf")[-1] == "1", "inhibited by the configuration"
    assert int(silent.said("beacon", "mission_s")[-1]) > 2710
    assert not (silent.out / "beacon-cw.wav").exists()
