"""The field against the World Magnetic Model's published test values, and its interpolation."""

import math
from datetime import UTC, datetime

import numpy as np
import pytest

from dragonet.flatsat import scenario
from dragonet.flatsat.physics import environment, field, orbit, passes


# WMM2020, report's test values for 2020.0: height km, latitude, longitude, then X north, Y east, Z down in nT.
# It is another model of the same field, to degree 12: it agrees with IGRF within some tens of nT.
@pytest.mark.parametrize(
    ("km", "lat", "lon", "north", "east", "down"),
    [
        (0, 80, 0, 6570.4, -146.3, 54606.0),
        (0, 0, 120, 39624.3, 109.9, -10932.5),
        (0, -80, 240, 5940.6, 15772.1, -52480.8),
        (100, 80, 0, 6261.8, -185.5, 52429.1),
        (100, 0, 120, 37636.7, 104.9, -10474.8),
        (100, -80, 240, 5744.9, 14799.5, -49969.4),
    ],
)
def test_field_agrees_with_the_world_magnetic_model(
    km: float, lat: float, lon: float, north: float, east: float, down: float
) -> None:
    x, y, z = field.earth_fixed_nt(orbit.from_geodetic(lat, lon, km)[None], datetime(2020, 1, 1, tzinfo=UTC))[0]
    a, b = math.radians(lat), math.radians(lon)
    up_x = math.cos(b) * x + math.sin(b) * y
    found = (
        -math.sin(a) * up_x + math.cos(a) * z,
        -math.sin(b) * x + math.cos(b) * y,
        -math.cos(a) * up_x - math.sin(a) * z,
    )
    assert found == pytest.approx((north, east, down), abs=120.0)


def test_field_at_the_pole_is_finite() -> None:
    nt = field.earth_fixed_nt(np.array([[0.0, 0.0, 6938.0]]), datetime(2021, 11, 9, tzinfo=UTC))
    assert 40_000 < float(np.linalg.norm(nt)) < 60_000


def test_interpolation_along_the_orbit_errs_by_less_than_two_nanotesla() -> None:
    flown = scenario.load("nanodragon")
    chunk = environment.Chunk(orbit.Orbit.of(flown), flown, 0)
    t = np.arange(7.0, 3600.0, 61.0)
    way = orbit.Orbit.of(flown)
    direct = field.earth_fixed_nt(passes.fixed_states(way, t)[0], datetime(2021, 11, 9, 2, 36, 54, tzinfo=UTC))
    there = orbit.inertial(direct, orbit.gmst(*way.times(t)))
    used = np.array(chunk.field_ut)[t.astype(int)] * 1e3
    assert np.linalg.norm(used - there, axis=1).max() < 2.0


def test_field_runs_on_smoothly_from_hour_to_hour() -> None:
    flown = scenario.load("nanodragon")
    way = orbit.Orbit.of(flown)
    one, two = environment.Chunk(way, flown, 0), environment.Chunk(way, flown, 3600)
    last, first = np.array(one.field_ut[-2:]), np.array(two.field_ut[0])
    step = np.linalg.norm(last[1] - last[0])
    assert np.linalg.norm(first - last[1]) == pytest.approx(float(step), rel=0.1)
