"""Orbit, sun, eclipse and passes against published values."""

import dataclasses
import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragonet.errors import UserError
from dragonet.flatsat import scenario, scenario_sections
from dragonet.flatsat.physics import eclipse, orbit, passes, sun

DAY_S = 86400.0


@pytest.fixture(scope="module")
def nanodragon() -> orbit.Orbit:
    return orbit.Orbit.of(scenario.load("nanodragon"))


@pytest.fixture(scope="module")
def picodragon() -> orbit.Orbit:
    return orbit.Orbit.of(scenario.load("picodragon"))


def ascending_nodes(way: orbit.Orbit, hours: float = 24.0) -> np.ndarray:
    t = np.arange(0.0, hours * 3600.0, 10.0)
    z = way.states(t)[0][:, 2]
    i = np.flatnonzero((z[:-1] < 0) & (z[1:] >= 0))
    return t[i] - z[i] * 10.0 / (z[i + 1] - z[i])


def lit(way: orbit.Orbit, t: np.ndarray) -> np.ndarray:
    return eclipse.sunlit(way.states(t)[0], *sun.position(*way.times(t)))


def longest_dark_min(way: orbit.Orbit) -> float:
    t = np.arange(0.0, 6 * 3600.0, 5.0)
    dark = lit(way, t) < 0.5
    runs = np.split(np.arange(len(t)), 1 + np.flatnonzero(np.diff(dark.astype(int))))
    return max(5.0 * len(run) / 60.0 for run in runs if dark[run[0]])


def test_julian_date_and_sidereal_time_match_vallado_example_3_5() -> None:
    jd, fraction = orbit.julian(datetime(1992, 8, 20, 12, 14, tzinfo=UTC))
    assert jd + fraction == pytest.approx(2448855.009722222, abs=1e-8)
    assert math.degrees(orbit.gmst(jd, np.array([fraction]))[0]) == pytest.approx(152.578788810, abs=1e-6)


def test_geodetic_matches_vallado_example_3_3() -> None:
    lat, lon, height = orbit.geodetic(np.array([[6524.834, 6862.875, 6448.296]]))
    assert (lat[0], lon[0]) == (pytest.approx(34.352496, abs=1e-5), pytest.approx(46.4464, abs=1e-4))
    assert height[0] == pytest.approx(5085.22, abs=0.02)


@given(st.floats(-90, 90), st.floats(-179.9, 179.9), st.floats(-0.4, 2000))
@settings(deadline=None)
def test_geodetic_undoes_from_geodetic(lat: float, lon: float, height: float) -> None:
    a, b, c = orbit.geodetic(orbit.from_geodetic(lat, lon, height)[None])
    assert a[0] == pytest.approx(lat, abs=1e-7)
    assert c[0] == pytest.approx(height, abs=1e-5)
    assert abs(lat) > 89.99 or b[0] == pytest.approx(lon, abs=1e-7)


@pytest.mark.parametrize(
    ("when", "right_ascension", "declination"),
    [
        (datetime(1992, 10, 13, tzinfo=UTC), 198.38083, -7.78507),  # Meeus, Astronomical Algorithms, example 25.a
        (datetime(2021, 3, 20, 9, 37, tzinfo=UTC), 0.0, 0.0),  # equinoxes and solstices as almanacs give them
        (datetime(2021, 6, 21, 3, 32, tzinfo=UTC), 90.0, 23.4368),
        (datetime(2021, 9, 22, 19, 21, tzinfo=UTC), 180.0, 0.0),
        (datetime(2021, 12, 21, 15, 59, tzinfo=UTC), 270.0, -23.4368),
    ],
)
def test_sun_stands_where_the_almanac_says_within_a_hundredth_of_a_degree(
    when: datetime, right_ascension: float, declination: float
) -> None:
    jd, fraction = orbit.julian(when)
    found = sun.position(jd, np.array([fraction]))[0][0]
    ra, dec = math.radians(right_ascension), math.radians(declination)
    wanted = np.array((math.cos(dec) * math.cos(ra), math.cos(dec) * math.sin(ra), math.sin(dec)))
    assert math.degrees(float(np.linalg.norm(found - wanted))) < 0.011


def test_earth_is_nearest_the_sun_in_early_january() -> None:
    _, distance = sun.position(*orbit.julian(datetime(2021, 1, 2, 13, 51, tzinfo=UTC))[:1], np.array([0.08]))
    assert distance[0] == pytest.approx(0.98325, abs=2e-4)


@pytest.mark.parametrize(("km", "inclination", "kepler_min"), [(560.0, "sso", 95.86), (410.0, 51.6, 92.77)])
def test_period_is_keplers_and_what_the_flattened_earth_adds(
    km: float, inclination: float | str, kepler_min: float
) -> None:
    base = scenario.load("nanodragon")
    changed = dataclasses.replace(base.orbit, altitude_km=km, inclination=inclination)
    way = orbit.Orbit.of(dataclasses.replace(base, orbit=changed))
    a, cos_i = orbit.EARTH_KM + km, math.cos(math.radians(97.6 if inclination == "sso" else 51.6))
    # node to node, circular: -3/2 J2 (R/a)^2 (4 cos^2 i - 1) (Vallado 9.6)
    longer = -1.5 * 1.0826e-3 * (orbit.EARTH_KM / a) ** 2 * (4 * cos_i**2 - 1)
    found = float(np.mean(np.diff(ascending_nodes(way)))) / 60.0
    assert found == pytest.approx(kepler_min * (1 + longer), abs=0.02)


def test_mean_altitude_is_the_scenarios_and_what_the_flattened_earth_adds(nanodragon: orbit.Orbit) -> None:
    radius = np.linalg.norm(nanodragon.states(np.arange(0.0, DAY_S, 10.0))[0], axis=1)
    higher = 0.75 * 1.0826e-3 * orbit.EARTH_KM**2 / 6938.0 * (1 - 3 * math.cos(math.radians(97.6)) ** 2)  # 4.5 km
    assert float(radius.mean()) - orbit.EARTH_KM == pytest.approx(560.0 + higher, abs=0.5)


def test_sun_synchronous_plane_follows_the_mean_sun_for_a_month(nanodragon: orbit.Orbit) -> None:
    def node_deg(t: float) -> float:
        r, v = (part[0] for part in nanodragon.states(np.array([t])))
        h = np.cross(r, v)
        return math.degrees(math.atan2(h[0], -h[1]))

    drift = (node_deg(30 * DAY_S) - node_deg(0.0)) % 360.0
    assert drift == pytest.approx(30 * 0.9856, abs=0.3)


def test_nanodragons_descending_node_is_at_half_past_nine_local_time(nanodragon: orbit.Orbit) -> None:
    t = np.arange(0.0, DAY_S, 1.0)
    fixed = passes.fixed_states(nanodragon, t)[0]
    at = np.flatnonzero((fixed[:-1, 2] > 0) & (fixed[1:, 2] <= 0))
    _, lon, _ = orbit.geodetic(fixed[at])
    utc_h = (nanodragon.start.hour * 3600 + nanodragon.start.minute * 60 + nanodragon.start.second + t[at]) / 3600.0
    local = (utc_h + lon / 15.0) % 24.0
    assert len(local) == 15
    assert np.abs(local - 9.5).max() * 60.0 < 1.5


def test_longest_eclipses_are_those_of_the_fact_sheet() -> None:
    # a plane that contains the sun: 560 km 35.6 min, 410 km 36.1 min
    for km, minutes in ((560.0, 35.6), (410.0, 36.1)):
        base = scenario.load("nanodragon")
        changed = dataclasses.replace(
            base.orbit, altitude_km=km, ltdn="", ltan="12:00", eccentricity=0.0, inclination=90.0
        )
        march = dataclasses.replace(base.mission, separation=datetime(2021, 3, 20, tzinfo=UTC))
        way = orbit.Orbit.of(dataclasses.replace(base, orbit=changed, mission=march))
        assert longest_dark_min(way) == pytest.approx(minutes, abs=0.35)


def test_nanodragon_is_dark_for_a_third_of_its_orbit(nanodragon: orbit.Orbit) -> None:
    assert 30.0 < longest_dark_min(nanodragon) < 35.6


def test_penumbra_lasts_seconds_and_has_every_shade_between(nanodragon: orbit.Orbit) -> None:
    light = lit(nanodragon, np.arange(0.0, 95.8 * 60.0, 0.25))
    between = np.count_nonzero((light > 0) & (light < 1)) * 0.25
    assert 15.0 < between < 40.0  # both edges of one eclipse
    assert light.min() == 0.0
    assert light.max() == 1.0


def test_sun_behind_the_satellite_is_never_eclipsed() -> None:
    toward = np.array([[1.0, 0.0, 0.0]])
    assert eclipse.sunlit(np.array([[6938.0, 0.0, 0.0]]), toward, np.ones(1))[0] == 1.0
    assert eclipse.sunlit(np.array([[-6938.0, 0.0, 0.0]]), toward, np.ones(1))[0] == 0.0


def test_a_week_of_passes_over_hoa_lac(nanodragon: orbit.Orbit) -> None:
    base = scenario.load("nanodragon").stations[0]
    station = dataclasses.replace(base, mask_deg=10.0)
    week = passes.find(nanodragon, station, 0.0, 7 * DAY_S)
    # a sun-synchronous orbit has 3 to 5 above 10 deg at this latitude
    assert 3.0 <= len(week) / 7.0 <= 6.0
    horizon = passes.find(nanodragon, dataclasses.replace(base, mask_deg=0.0), 0.0, 7 * DAY_S)
    longest = max(one.set_s - one.rise_s for one in horizon) / 60.0
    assert 11.8 < longest <= 12.6
    for one in horizon:
        assert one.rise_s < one.max_s < one.set_s


def test_a_pass_begins_and_ends_at_the_mask_and_peaks_between(nanodragon: orbit.Orbit) -> None:
    station = scenario.load("nanodragon").stations[0]
    first = passes.find(nanodragon, station, 0.0, DAY_S)[0]
    t = np.array([first.rise_s, first.max_s, first.set_s, first.max_s - 1, first.max_s + 1])
    elevation, _, rate = passes.look(station, *passes.fixed_states(nanodragon, t))
    assert elevation[0] == pytest.approx(5.0, abs=0.001)
    assert elevation[2] == pytest.approx(5.0, abs=0.001)
    assert elevation[1] == pytest.approx(first.max_deg)
    assert elevation[1] >= max(elevation[3], elevation[4])
    assert rate[0] < -5000.0
    assert rate[2] > 5000.0


def test_slant_range_at_the_horizon_and_doppler_are_those_of_560_km(nanodragon: orbit.Orbit) -> None:
    station = dataclasses.replace(scenario.load("nanodragon").stations[0], mask_deg=0.0)
    week = passes.find(nanodragon, station, 0.0, 7 * DAY_S)
    t = np.array([one.rise_s for one in week])
    _, distance, rate = passes.look(station, *passes.fixed_states(nanodragon, t))
    assert float(np.median(distance)) == pytest.approx(2729.0, abs=80.0)
    assert np.abs(rate).max() * 437e6 / 299_792_458.0 == pytest.approx(10_200, abs=500)


def test_range_rate_is_the_slope_of_range(nanodragon: orbit.Orbit) -> None:
    station = scenario.load("nanodragon").stations[0]
    t = np.arange(2800.0, 3400.0, 1.0)
    _, distance, rate = passes.look(station, *passes.fixed_states(nanodragon, t))
    slope = (distance[2:] - distance[:-2]) / 2.0 * 1000.0
    assert np.abs(slope - rate[1:-1]).max() < 1.0


def test_a_satellite_overhead_stands_at_ninety_degrees() -> None:
    station = scenario_sections.Station("Here", 21.01, 105.52, 20.0, 0.0)
    above = orbit.from_geodetic(21.01, 105.52, 560.02)[None]
    elevation, distance, _ = passes.look(station, above, np.zeros((1, 3)))
    assert elevation[0] == pytest.approx(90.0, abs=1e-4)
    assert distance[0] == pytest.approx(560.0, abs=1e-6)


def test_the_first_pass_after_the_silence_is_a_good_one() -> None:
    first = passes.find(
        orbit.Orbit.of(scenario.load("nanodragon")), scenario.load("nanodragon").stations[0], 0.0, 6 * 3600.0
    )[0]
    assert first.rise_s > 2700.0
    assert first.max_deg > 30.0


def test_an_orbit_too_low_for_sgp4_says_so_in_one_line() -> None:
    base = scenario.load("nanodragon")
    low = dataclasses.replace(base, orbit=dataclasses.replace(base.orbit, eccentricity=0.1))
    with pytest.raises(UserError, match="perigee"):
        orbit.Orbit.of(low)


def test_a_decayed_orbit_says_when() -> None:
    base = scenario.load("nanodragon")
    falling = dataclasses.replace(
        base, orbit=dataclasses.replace(base.orbit, altitude_km=200.0, eccentricity=0.0, bstar=0.1)
    )
    with pytest.raises(UserError, match="after separation"):
        orbit.Orbit.of(falling).states(np.arange(0.0, 30 * DAY_S, 600.0))
