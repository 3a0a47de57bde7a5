"""What surrounds the satellite, second by second: made in hours with numpy, handed out as plain floats."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from dragonet.flatsat.physics import eclipse, field, orbit, passes, sun
from dragonet.flatsat.scenario import Scenario

_CHUNK_S = 3600


class Chunk:
    """One hour, a list of floats for each quantity. Vectors are TEME, unit ones but the field."""

    def __init__(self, way: orbit.Orbit, scenario: Scenario, start_s: int) -> None:
        self.start_s = start_s
        t = start_s + np.arange(_CHUNK_S, dtype=np.float64)
        position, velocity = way.states(t)
        jd, fraction = way.times(t)
        theta = orbit.gmst(jd, fraction)
        to_sun, distance = sun.position(jd, fraction)
        radius = np.linalg.norm(position, axis=1)
        down = -position / radius[:, None]
        fixed, speed = passes.fixed_states(way, t)
        lat, lon, alt = orbit.geodetic(fixed)
        lit = eclipse.sunlit(position, to_sun, distance)

        grid = start_s + field.GRID_S * np.arange(-2.0, _CHUNK_S / field.GRID_S + 4.0)
        middle = scenario.separation + timedelta(seconds=start_s + _CHUNK_S / 2)
        on_grid = field.earth_fixed_nt(passes.fixed_states(way, grid)[0], middle)
        nt = orbit.inertial(field.cubic(float(grid[0]), field.GRID_S, on_grid, t), theta)

        self.sun = to_sun.tolist()
        self.down = down.tolist()
        self.field_ut = (nt * 1e-3).tolist()
        self.sunlit = lit.tolist()
        self.strength = (distance**-2.0).tolist()  # of sunshine, over that at 1 AU
        # light from the Earth below, over albedo times sunshine: Lambert's cosine at the point under the satellite
        self.earth_lit = np.maximum(0.0, -np.einsum("ij,ij->i", down, to_sun)).tolist()
        self.radius_km = radius.tolist()
        self.lat_deg, self.lon_deg, self.alt_km = lat.tolist(), lon.tolist(), alt.tolist()
        self.speed_km_s = np.linalg.norm(velocity, axis=1).tolist()
        self.looks = [
            tuple(part.tolist() for part in passes.look(station, fixed, speed)) for station in scenario.stations
        ]


class Environment:
    """`at(t)` gives the chunk and the index of the second nearest to mission time t."""

    def __init__(self, scenario: Scenario) -> None:
        self.orbit = orbit.Orbit.of(scenario)
        self._scenario = scenario
        self._chunk = Chunk(self.orbit, scenario, 0)

    def at(self, t_s: float) -> tuple[Chunk, int]:
        """Any order of times works; forward is cheap."""
        k = int(t_s + 0.5) - self._chunk.start_s
        if not 0 <= k < _CHUNK_S:
            start = int(t_s + 0.5) // _CHUNK_S * _CHUNK_S
            self._chunk = Chunk(self.orbit, self._scenario, start)
            k = int(t_s + 0.5) - start
        return self._chunk, k
