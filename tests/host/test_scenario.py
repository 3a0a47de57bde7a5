"""Scenarios: the built-in ones, what a file may say, and one line for what it may not."""

import math
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dragonet.errors import UserError
from dragonet.flatsat import scenario


def test_nanodragon_is_the_flight_of_2021() -> None:
    one = scenario.load("nanodragon")
    assert one.separation == datetime(2021, 11, 9, 2, 6, 54, tzinfo=UTC)
    assert (one.mission.name, one.mission.country, one.mission.callsign) == ("NANODRAGON", "VIETNAM", "N0CALL")
    assert one.mission.frequency_hz == 437_365_000
    assert (one.orbit.altitude_km, one.orbit.inclination, one.orbit.ltdn) == (560.0, "sso", "09:30")
    assert one.spacecraft.size == "3U"
    assert (one.stations[0].name, one.stations[0].lat_deg, one.stations[0].lon_deg) == ("Hoa Lac", 21.01, 105.52)


def test_picodragon_leaves_the_space_station_in_november_2013_as_1u() -> None:
    one = scenario.load("picodragon")
    assert (one.separation.year, one.separation.month) == (2013, 11)
    assert one.mission.name == "PICODRAGON"
    assert one.spacecraft.size == "1U"
    assert one.orbit.inclination == pytest.approx(51.6, abs=0.1)


def test_an_empty_file_is_a_whole_scenario() -> None:
    one = scenario.loads("")
    assert one.stations[0].name == "Hoa Lac"
    assert one.orbit.ltdn == "09:30"
    assert one.faults == ()


def test_a_file_says_only_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        """
        [mission]
        name = "MYSAT-1"
        separation = 2026-03-01T11:30:00+07:00
        hours = 2
        [orbit]
        inclination = 51.6
        ltan = "22:15"
        [spacecraft]
        inertia_kg_m2 = [1, 1, 0.5]
        gravity_gradient = false
        [[station]]
        name = "Da Nang"
        lat_deg = 16
        lon_deg = 108.2
        [[fault]]
        at = "01:30:05"
        board = "eps"
        do = "kill"
        """
    )
    one = scenario.load(str(path))
    assert one.separation == datetime(2026, 3, 1, 4, 30, tzinfo=UTC)
    assert one.mission.hours == 2.0
    assert isinstance(one.mission.hours, float)
    assert one.orbit.ltan == "22:15"
    assert one.spacecraft.inertia_kg_m2 == (1.0, 1.0, 0.5)
    assert one.stations[0].mask_deg == 5.0
    assert one.faults[0].at_s == 5405
    assert one.source == str(path)
    assert one.utc(60.0) == datetime(2026, 3, 1, 4, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[misson]", "unknown section [misson] (did you mean 'mission'?)"),
        ("wings = 2", "unknown section [wings]"),
        ("[orbit]\naltitud_km = 500", "orbit.altitud_km: unknown key (did you mean 'altitude_km'?)"),
        ("[orbit]\naltitude_km = '500'", "orbit.altitude_km: must be a number from 200 to 2000 km, not '500'"),
        ("[orbit]\naltitude_km = 100", "orbit.altitude_km: must be a number from 200 to 2000 km, not 100"),
        ("[orbit]\naltitude_km = nan", "orbit.altitude_km: must be a number from 200 to 2000 km, not nan"),
        ("[orbit]\naltitude_km = true", "not true"),
        (
            "[orbit]\ninclination = 'polar'",
            "orbit.inclination: must be a number from 0 to 180 deg, or \"sso\", not 'polar'",
        ),
        ("[orbit]\nltdn = '24:00'", 'orbit.ltdn: must be "00:00" to "23:59"'),
        ("[orbit]\nltdn = '09:30'\nraan_deg = 3", "orbit.raan_deg: not beside orbit.ltdn"),
        ("[orbit]\ntle = 'x.tle'\naltitude_km = 500", "orbit.altitude_km: not beside orbit.tle"),
        ("[mission]\ncallsign = 'n0call'", "mission.callsign: must be 3 to 6 of A-Z and 0-9, or empty"),
        ("[mission]\nname = 'NANO DRAGON VERY LONG'", "mission.name: must be 1 to 16"),
        ("[mission]\nfrequency_hz = 437.365", "mission.frequency_hz: must be a whole number from 430000000"),
        ("[mission]\ntx_power_dbm = 1", "mission.tx_power_dbm: must be a whole number from 2 to 20 dBm, not 1"),
        ("[mission]\nseparation = 'soon'", "mission.separation: must be a date and time"),
        (
            "[mission]\nseparation = 2035-01-01T00:00:00Z",
            "mission.separation: 2035-01-01 is outside 1957-10-04 to 2030-01-01",
        ),
        ("[spacecraft]\nsize = '2U'", 'spacecraft.size: must be one of "1U", "3U", not \'2U\''),
        ("[spacecraft]\ninertia_kg_m2 = [1, 2]", "spacecraft.inertia_kg_m2: must be a list of 3 numbers"),
        ("[spacecraft]\ngravity_gradient = 1", "spacecraft.gravity_gradient: must be true or false"),
        (
            "[clock]\noffset_ppm = [5, -5]",
            "clock.offset_ppm: must be a list whose first number is not above its second",
        ),
        ("[station]\nname = 'A'", "[station] must be written [[station]]"),
        ("[[station]]\nname = 'A'\n[[station]]\nname = 'A'", "two stations are named 'A'"),
        ("[[station]]\nlat = 3", "station[1].lat: unknown key (did you mean 'lat_deg'?)"),
        (
            "[[fault]]\nat = '00:10:00'\nboard = 'obc'\ndo = 'kill'",
            'fault[1].board: must be one of "eps", "beacon", "sensor"',
        ),
        ("[[fault]]\nat = '00:10:00'\nboard = 'eps'", "fault[1]: do is missing"),
        ("[[fault]]\nat = '10 min'\nboard = 'eps'\ndo = 'kill'", "fault[1].at: must be"),
        ("mission = 3", "mission: must be a table"),
        ("[mission", "not TOML"),
    ],
)
def test_a_bad_file_ends_in_one_line_with_key_and_what_is_allowed(text: str, says: str) -> None:
    with pytest.raises(UserError) as caught:
        scenario.loads(text, "mine.toml")
    assert str(caught.value).startswith("mine.toml: ")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no scenario named 'nanodragn' \\(did you mean 'nanodragon'\\?\\)"):
        scenario.load("nanodragn")
    with pytest.raises(UserError, match="no such scenario file; built-in ones are nanodragon, picodragon"):
        scenario.load(tmp_path / "none.toml")
    (tmp_path / "b.toml").write_bytes(b"[mission]\n\xff\xfe")
    with pytest.raises(UserError, match="byte 10 is not UTF-8"):
        scenario.load(tmp_path / "b.toml")
    with pytest.raises(UserError, match="cannot be read"):
        scenario.load(tmp_path)


def test_hours_of_the_command_line_are_checked_as_the_files_are() -> None:
    assert scenario.load("nanodragon").with_hours(1.5).mission.hours == 1.5
    for bad in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(UserError, match="--hours: hours: must be a number from 0.01 to 1440 h"):
            scenario.load("nanodragon").with_hours(bad)


def test_a_scenarios_tle_is_beside_it_and_of_its_time(tmp_path: Path) -> None:
    (tmp_path / "iss.tle").write_text(
        "ISS (ZARYA)\n1 25544U 98067A   13329.81056895  .00017555  00000-0  30885-3 0  1015\n"
        "2 25544  51.6512  27.5741 0001256 103.0346   4.9903 15.50551370859772\n"
    )
    path = tmp_path / "iss.toml"
    path.write_text("[mission]\nseparation = 2013-11-26T00:00:00Z\n[orbit]\ntle = 'iss.tle'\n")
    assert scenario.load(path).elements is not None
    path.write_text("[orbit]\ntle = 'iss.tle'\n")
    with pytest.raises(
        UserError, match=r"orbit.tle: elements of 2013-11-25 19:27 are 2905 days from mission.separation; set"
    ):
        scenario.load(path)


@given(st.text(max_size=200))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_a_scenario_or_one_line(text: str) -> None:
    try:
        scenario.loads(text)
    except UserError as error:
        assert "\n" not in str(error).replace(text, "")


def test_the_readme_lists_every_key_as_it_is() -> None:
    readme = (scenario.FOLDER / "README.md").read_text()
    assert readme.split("<!-- keys -->\n")[1] == scenario.table()
