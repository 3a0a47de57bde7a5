"""Where the satellite is: SGP4 (Vallado 2006, by the sgp4 library), TEME to Earth-fixed to geodetic."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from sgp4.api import SGP4_ERRORS, WGS72, Satrec

from dragonet.errors import UserError
from dragonet.flatsat import scenario as scenarios
from dragonet.flatsat.physics import sun

Array = NDArray[np.float64]

EARTH_KM = 6378.137  # WGS84 equatorial radius
EARTH_MU = 398600.4418  # km3/s2
EARTH_SPIN = 7.292115e-5  # rad/s
_FLATTENING = 1 / 298.257223563
_J2 = 1.082616e-3
_WGS72_KM, _WGS72_MU = 6378.135, 398600.8  # what SGP4's elements are made with


def julian(when: datetime) -> tuple[float, float]:
    """Julian date as whole part (ending in .5) and fraction of a day; UTC taken as UT1."""
    days = when.astimezone(UTC) - datetime(2000, 1, 1, tzinfo=UTC)
    return 2451544.5 + days.days, (days.seconds + days.microseconds * 1e-6) / 86400.0


def gmst(jd: float, fraction: Array) -> Array:
    """Greenwich mean sidereal time, rad 0..2pi. IAU 1982 (Vallado 3-45), which TEME's rotation wants."""
    t = ((jd - 2451545.0) + fraction) / 36525.0
    seconds = 67310.54841 + (876600.0 * 3600.0 + 8640184.812866) * t + 0.093104 * t**2 - 6.2e-6 * t**3
    return np.remainder(np.radians(seconds / 240.0), 2 * np.pi)


def sun_synchronous_deg(a_km: float, eccentricity: float) -> float:
    """The inclination whose J2 precession follows the mean sun."""
    wanted = 2 * math.pi / (365.2421897 * 86400.0)
    n = math.sqrt(EARTH_MU / a_km**3)
    p = a_km * (1 - eccentricity**2)
    cos_i = -wanted * 2 / 3 / (_J2 * n * (EARTH_KM / p) ** 2)
    if cos_i < -1.0:
        raise UserError(f"orbit.altitude_km: no sun-synchronous orbit at {a_km - EARTH_KM:.0f} km: give an inclination")
    return math.degrees(math.acos(cos_i))


class Orbit:
    """One satellite's way. Times are seconds since `start` (UTC), vectorised."""

    def __init__(self, satrec: Satrec, start: datetime) -> None:
        self.start = start
        self._satrec = satrec
        self._jd, self._fraction = julian(start)

    @classmethod
    def of(cls, scenario: scenarios.Scenario) -> Orbit:
        """From the scenario's TLE, or from its mean elements at separation."""
        if scenario.elements is not None:
            satrec = Satrec.twoline2rv(scenario.elements.line1, scenario.elements.line2, WGS72)
            return cls(satrec, scenario.separation)
        return cls(_satrec(scenario.orbit, scenario.separation), scenario.separation)

    def times(self, t_s: Array) -> tuple[float, Array]:
        """Julian date, whole part, and the fractions of `t_s`."""
        return self._jd, self._fraction + t_s / 86400.0

    def states(self, t_s: Array) -> tuple[Array, Array]:
        """Position km and velocity km/s in TEME, shapes (n, 3). UserError when the orbit has decayed."""
        jd, fraction = self.times(t_s)
        errors, position, velocity = self._satrec.sgp4_array(np.full(len(t_s), jd), fraction)
        if errors.any():
            at = int(np.argmax(errors != 0))
            raise UserError(
                f"orbit: SGP4 gives up {t_s[at]:.0f} s after separation: {SGP4_ERRORS[int(errors[at])]};"
                " use newer elements or a higher orbit"
            )
        return position, velocity


def _satrec(orbit: scenarios.Orbit, epoch: datetime) -> Satrec:
    a, e = EARTH_KM + orbit.altitude_km, orbit.eccentricity
    if a * (1 - e) < EARTH_KM + 150.0:
        raise UserError(
            f"orbit.eccentricity: {e} lowers the perigee to {a * (1 - e) - EARTH_KM:.0f} km: it must stay above 150 km"
        )
    inclination = sun_synchronous_deg(a, e) if isinstance(orbit.inclination, str) else orbit.inclination
    # SGP4 takes Kozai's mean motion; `a` is Brouwer's mean semi-major axis (Hoots 1980, inverse of its first step)
    n = math.sqrt(_WGS72_MU / a**3) * 60.0  # rad/min
    cos_i = math.cos(math.radians(inclination))
    kozai = n * (1 + 0.75 * _J2 * (_WGS72_KM / a) ** 2 * (3 * cos_i**2 - 1) / (1 - e**2) ** 1.5)
    perigee = math.radians(orbit.argument_of_perigee_deg)
    anomaly = math.radians(orbit.argument_of_latitude_deg) - perigee  # true; e is small, so Kepler the short way
    eccentric = 2 * math.atan2(math.sqrt(1 - e) * math.sin(anomaly / 2), math.sqrt(1 + e) * math.cos(anomaly / 2))
    mean = eccentric - e * math.sin(eccentric)
    jd, fraction = julian(epoch)
    satrec = Satrec()
    satrec.sgp4init(
        WGS72, "i", 99999, jd - 2433281.5 + fraction, orbit.bstar, 0.0, 0.0, e, perigee % (2 * math.pi),
        math.radians(inclination), mean % (2 * math.pi), kozai, math.radians(_raan_deg(orbit, epoch)),
    )  # fmt: skip
    return satrec


def _raan_deg(orbit: scenarios.Orbit, epoch: datetime) -> float:
    if not math.isnan(orbit.raan_deg):
        return orbit.raan_deg
    hours, minutes = (orbit.ltan or orbit.ltdn).split(":")
    local = (int(hours) + int(minutes) / 60.0) * 15.0 + (0.0 if orbit.ltan else 180.0)
    jd, fraction = julian(epoch)
    return (sun.mean_longitude_deg(jd, fraction) + local - 180.0) % 360.0


def earth_fixed(vectors: Array, theta: Array) -> Array:
    """TEME to Earth-fixed by the sidereal angle; polar motion (10 m) is left out."""
    cos, sin = np.cos(theta), np.sin(theta)
    x, y, z = vectors.T
    return np.stack((cos * x + sin * y, cos * y - sin * x, z), axis=1)


def inertial(vectors: Array, theta: Array) -> Array:
    """Earth-fixed to TEME."""
    return earth_fixed(vectors, -theta)


def geodetic(position: Array) -> tuple[Array, Array, Array]:
    """Latitude deg, longitude deg -180..180, height km over WGS84, from Earth-fixed km (Bowring 1985: 1 mm)."""
    x, y, z = position.T
    e2 = _FLATTENING * (2 - _FLATTENING)
    polar = EARTH_KM * (1 - _FLATTENING)
    p = np.hypot(x, y)
    r = np.hypot(p, z)
    beta = np.arctan2(polar * z * (1 + e2 / (1 - e2) * polar / r), EARTH_KM * p)
    latitude = np.arctan2(z + e2 / (1 - e2) * polar * np.sin(beta) ** 3, p - e2 * EARTH_KM * np.cos(beta) ** 3)
    sin = np.sin(latitude)
    height = p * np.cos(latitude) + z * sin - EARTH_KM * np.sqrt(1 - e2 * sin**2)
    return np.degrees(latitude), np.degrees(np.arctan2(y, x)), height


def from_geodetic(lat_deg: float, lon_deg: float, height_km: float) -> Array:
    """Earth-fixed km of a place."""
    lat, lon = math.radians(lat_deg), math.radians(lon_deg)
    e2 = _FLATTENING * (2 - _FLATTENING)
    n = EARTH_KM / math.sqrt(1 - e2 * math.sin(lat) ** 2)
    out = (n + height_km) * math.cos(lat)
    return np.array((out * math.cos(lon), out * math.sin(lon), (n * (1 - e2) + height_km) * math.sin(lat)))
