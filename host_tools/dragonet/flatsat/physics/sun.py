"""Where the sun is: the Astronomical Almanac's low-precision formula, 0.01 deg from 1950 to 2050."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

AU_KM = 149_597_870.7
RADIUS_KM = 696_000.0
CONSTANT_W_M2 = 1361.0  # at 1 AU (Kopp and Lean 2011)


def mean_longitude_deg(jd: float, fraction: float) -> float:
    """Right ascension of the mean sun: what local mean solar time is told from."""
    return (280.460 + 0.9856474 * (jd - 2451545.0 + fraction)) % 360.0


def position(jd: float, fraction: Array) -> tuple[Array, Array]:
    """Unit vectors (n, 3) to the sun from the Earth in the equator and equinox of date, and distances in AU."""
    n = jd - 2451545.0 + fraction
    mean = np.radians(280.460 + 0.9856474 * n)
    anomaly = np.radians(357.528 + 0.9856003 * n)
    longitude = mean + np.radians(1.915) * np.sin(anomaly) + np.radians(0.020) * np.sin(2 * anomaly)
    tilt = np.radians(23.439 - 4e-7 * n)
    distance = 1.00014 - 0.01671 * np.cos(anomaly) - 0.00014 * np.cos(2 * anomaly)
    sin = np.sin(longitude)
    return np.stack((np.cos(longitude), np.cos(tilt) * sin, np.sin(tilt) * sin), axis=1), distance
