"""Ground stations: elevation, range and range rate, and the passes they make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dragonet.flatsat.physics import orbit as orbits
from dragonet.flatsat.scenario_sections import Station

Array = NDArray[np.float64]

_SEARCH_S = 20.0  # a pass above the mask that hides between two samples is shorter than this


@dataclass(frozen=True)
class Pass:
    """One pass of one station; times in seconds since separation, `max_deg` the highest elevation."""

    station: str
    rise_s: float
    max_s: float
    set_s: float
    max_deg: float


def look(station: Station, position_km: Array, velocity_km_s: Array) -> tuple[Array, Array, Array]:
    """Elevation deg, range km, range rate m/s (positive: going away), from Earth-fixed states (n, 3).

    `velocity_km_s` is relative to the turning Earth.
    """
    place = orbits.from_geodetic(station.lat_deg, station.lon_deg, station.alt_m / 1000.0)
    lat, lon = np.radians(station.lat_deg), np.radians(station.lon_deg)
    up = np.array((np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)))
    ray = position_km - place
    distance = np.linalg.norm(ray, axis=1)
    elevation = np.degrees(np.arcsin(np.clip(ray @ up / distance, -1.0, 1.0)))
    return elevation, distance, np.einsum("ij,ij->i", ray, velocity_km_s) / distance * 1000.0


def fixed_states(orbit: orbits.Orbit, t_s: Array) -> tuple[Array, Array]:
    """Earth-fixed position km, and velocity km/s relative to the turning Earth."""
    position, velocity = orbit.states(t_s)
    theta = orbits.gmst(*orbit.times(t_s))
    fixed = orbits.earth_fixed(position, theta)
    speed = orbits.earth_fixed(velocity, theta)
    speed[:, 0] += orbits.EARTH_SPIN * fixed[:, 1]
    speed[:, 1] -= orbits.EARTH_SPIN * fixed[:, 0]
    return fixed, speed


def find(orbit: orbits.Orbit, station: Station, start_s: float, end_s: float) -> list[Pass]:
    """Passes of `station` above its mask with any part between two mission times; cut at those, edges to 10 ms."""

    def above(t: Array) -> Array:
        return look(station, *fixed_states(orbit, t))[0] - station.mask_deg

    times = np.append(np.arange(start_s, end_s, _SEARCH_S), end_s)
    height = above(times)
    peaks = 1 + np.flatnonzero((height[1:-1] >= height[:-2]) & (height[1:-1] > height[2:]))
    times, height = _with(
        times, height, [_peak(above, times[i - 1], times[i + 1]) for i in peaks if height[i] > -5.0], above
    )
    found: list[Pass] = []
    up = np.flatnonzero(height > 0)
    for run in np.split(up, 1 + np.flatnonzero(np.diff(up) > 1)):
        if not len(run):
            continue
        first, last = int(run[0]), int(run[-1])
        rise = float(times[first]) if first == 0 else _cross(above, float(times[first - 1]), float(times[first]))
        down = (
            float(times[last]) if last == len(times) - 1 else _cross(above, float(times[last]), float(times[last + 1]))
        )
        top = first + int(np.argmax(height[first : last + 1]))
        found.append(Pass(station.name, rise, float(times[top]), down, float(height[top]) + station.mask_deg))
    return found


Function = Callable[[Array], Array]


def _with(times: Array, height: Array, extra: list[float], above: Function) -> tuple[Array, Array]:
    if not extra:
        return times, height
    added = np.array(extra)
    times, height = np.append(times, added), np.append(height, above(added))
    order = np.argsort(times, kind="stable")
    return times[order], height[order]


def _peak(above: Function, a: float, b: float) -> float:
    for _ in range(4):
        grid = np.linspace(a, b, 11)
        at = int(np.argmax(above(grid)))
        a, b = float(grid[max(at - 1, 0)]), float(grid[min(at + 1, 10)])
    return (a + b) / 2


def _cross(above: Function, a: float, b: float) -> float:
    for _ in range(4):
        grid = np.linspace(a, b, 11)
        sign = above(grid) > 0
        at = int(np.argmax(sign != sign[0]))
        a, b = float(grid[max(at - 1, 0)]), float(grid[at])
    return (a + b) / 2
