"""The lanes of the world's ships as tables: where a ship is that has sailed so far, and its course."""

import numpy as np
from numpy.typing import NDArray

from dragonet.flatsat.ships_world import LANES

DEG_KM = 111.2   # a degree of latitude
_STEP_KM = 25.0  # between two points of a lane's table

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Lanes:
    """length_km: of each lane."""

    def __init__(self) -> None:
        tracks = [_sampled(waypoints) for _, _, waypoints in LANES]
        self.length_km: Floats = np.array([(len(track) - 1) * _STEP_KM for track in tracks])
        longest = max(len(track) for track in tracks) + 1
        # by lane and point, in degrees north, east, and clockwise from north
        self._lat = np.zeros((len(tracks), longest))
        self._lon = np.zeros((len(tracks), longest))
        self._course = np.zeros((len(tracks), longest))
        for k, track in enumerate(tracks):
            padded = np.vstack([track, np.repeat(track[-1:], longest - len(track), axis=0)])
            self._lat[k], self._lon[k] = padded[:, 0], padded[:, 1]
            north = np.diff(track[:, 0])
            east = np.diff(track[:, 1]) * np.cos(np.radians(track[:-1, 0]))
            course = np.degrees(np.arctan2(east, north)) % 360
            self._course[k, : len(course)] = course
            self._course[k, len(course) :] = course[-1]

    def at(self, lane: Ints, along_km: Floats) -> tuple[Floats, Floats, Floats]:
        """Latitude, longitude and course, in degrees, so far from the beginning of each of these lanes."""
        along = along_km / _STEP_KM
        k = along.astype(np.int64)
        f = along - k
        lat = self._lat[lane, k] * (1 - f) + self._lat[lane, k + 1] * f
        lon = self._lon[lane, k] * (1 - f) + self._lon[lane, k + 1] * f
        return lat, lon, self._course[lane, k]


def _sampled(waypoints: tuple[tuple[float, float], ...]) -> Floats:
    """Points (lat, lon) every _STEP_KM along straight segments."""
    points = np.array(waypoints, dtype=float)
    north = np.diff(points[:, 0])
    east = np.diff(points[:, 1]) * np.cos(np.radians((points[:-1, 0] + points[1:, 0]) / 2))
    along = np.concatenate([[0.0], np.cumsum(np.hypot(north, east) * DEG_KM)])
    steps = np.arange(0.0, along[-1] + _STEP_KM, _STEP_KM)
    return np.column_stack([np.interp(steps, along, points[:, 0]), np.interp(steps, along, points[:, 1])])
