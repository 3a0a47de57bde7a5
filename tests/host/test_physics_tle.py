"""TLE files: what is read, and one line for what cannot be."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dragonet.errors import UserError
from dragonet.flatsat import scenario
from dragonet.flatsat.physics import orbit, tle

LINE_1 = "1 25544U 98067A   13329.81056895  .00017555  00000-0  30885-3 0  1015"
LINE_2 = "2 25544  51.6512  27.5741 0001256 103.0346   4.9903 15.50551370859772"
# Vallado 2006, the verification set of SGP4: position after 360 min
VANGUARD_1 = "1 00005U 58002B   00179.78495062  .00000023  00000-0  28098-4 0  4753"
VANGUARD_2 = "2 00005  34.2682 348.7242 1859667 331.7664  19.3264 10.82419157413667"


def write(folder: Path, *lines: str) -> Path:
    path = folder / "iss.tle"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_set_with_its_name_is_read(tmp_path: Path) -> None:
    one = tle.read(write(tmp_path, "ISS (ZARYA)", LINE_1, LINE_2))
    assert one.name == "ISS (ZARYA)"
    assert one.epoch - datetime(2013, 11, 25, 19, 27, 13, 157080, tzinfo=UTC) < timedelta(milliseconds=1)


def test_one_of_several_is_chosen_by_name_or_number(tmp_path: Path) -> None:
    path = write(tmp_path, "0 VANGUARD 1", VANGUARD_1, VANGUARD_2, "", "ISS (ZARYA)", LINE_1, LINE_2)
    assert tle.read(path).name == "VANGUARD 1"
    assert tle.read(path, "iss (zarya)").line1 == LINE_1
    assert tle.read(path, "25544").line1 == LINE_1
    with pytest.raises(UserError, match="no element set of 'NOAA 20'.*choose one of VANGUARD 1, ISS"):
        tle.read(path, "NOAA 20")


def test_sgp4_gives_the_published_position(tmp_path: Path) -> None:
    flown = scenario.load("nanodragon").with_tle(write(tmp_path, VANGUARD_1, VANGUARD_2))
    way = orbit.Orbit.of(flown)
    after = (flown.elements.epoch - flown.separation).total_seconds() + 360.0 * 60.0  # type: ignore[union-attr]
    position, velocity = way.states(np.array([after]))
    assert position[0] == pytest.approx([-7154.03120202, -3783.17682504, -3536.19412294], abs=0.005)
    assert velocity[0] == pytest.approx([4.741887409, -4.151817765, -2.093935425], abs=1e-5)


def test_elements_of_another_year_move_the_start_and_say_so(tmp_path: Path) -> None:
    flown = scenario.load("nanodragon").with_tle(write(tmp_path, LINE_1, LINE_2))
    assert flown.separation == datetime(2013, 11, 25, 19, 27, 13, tzinfo=UTC)
    assert "starts at their epoch" in flown.notes[0]


def test_elements_of_the_same_week_keep_the_start(tmp_path: Path) -> None:
    flown = scenario.load("picodragon").with_tle(write(tmp_path, LINE_1, LINE_2))
    assert flown.separation == scenario.load("picodragon").separation
    assert flown.notes == ()


def test_the_stations_elements_put_picodragon_where_its_scenario_does(tmp_path: Path) -> None:
    base = scenario.load("picodragon")
    one = orbit.Orbit.of(base).states(np.zeros(1))[0][0]
    other = orbit.Orbit.of(base.with_tle(write(tmp_path, LINE_1, LINE_2))).states(np.zeros(1))[0][0]
    assert float(np.linalg.norm(one - other)) < 300.0


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "no element set"),
        ([LINE_1], "line 1: line 2 of this element set is missing"),
        ([LINE_2], "line 1: a second line without the first"),
        ([LINE_1, LINE_1], "line 2: starts with '1 '"),
        ([LINE_1[:60], LINE_2], "line 1: 60 characters, not 69"),
        ([LINE_1, LINE_2.replace("51.6512", "51.6513")], "line 2: checksum 2 but its characters give 3"),
        ([LINE_1, LINE_2.replace("51.6512", "51x6512")], "line 2: inclination in columns 9-16"),
        ([LINE_1.replace("13329.", "13999."), LINE_2], "line 1: checksum"),
        ([LINE_1, VANGUARD_2], "line 2: catalogue number 00005 but 25544"),
        (["<html><body>404 Not Found</body></html>"], "line 1: neither a name"),
        (["A", "B", "", LINE_1], "line 4: line 2 of this element set is missing"),
    ],
)
def test_a_bad_file_is_refused_with_its_line(tmp_path: Path, lines: list[str], says: str) -> None:
    path = write(tmp_path, *lines)
    with pytest.raises(UserError) as caught:
        tle.read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_absent_a_folder_or_binary_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such TLE file"):
        tle.read(tmp_path / "none.tle")
    with pytest.raises(UserError, match="cannot be read"):
        tle.read(tmp_path)
    (tmp_path / "b.tle").write_bytes(b"1 25544U\n\x93\xff\x00")
    with pytest.raises(UserError, match="line 2: not ASCII"):
        tle.read(tmp_path / "b.tle")


@given(st.binary(max_size=400))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_bytes_never_end_in_another_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "random.tle"
    path.write_bytes(data)
    with pytest.raises(UserError):
        tle.read(path)


@given(st.integers(0, 1), st.integers(0, 67), st.sampled_from("0123456789 -.Zx"))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_one_altered_character_is_found(tmp_path: Path, which: int, at: int, character: str) -> None:
    lines = [LINE_1, LINE_2]
    changed = lines[which][:at] + character + lines[which][at + 1 :]
    harmless = {" ", ".", "Z", "x", lines[which][at], "0"}  # worth nothing in the sum, as what they may replace
    lines[which] = changed
    path = write(tmp_path, *lines)
    try:
        read = tle.read(path)
    except UserError:
        return
    assert character in harmless or tle.checksum(changed) == int(changed[68])
    assert read.line1 == lines[0]
