"""The Earth's magnetic field: IGRF-14 by ppigrf, on a grid of times along the orbit, cubic between."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

GRID_S = 30.0  # 2 degrees of a low orbit: cubic interpolation errs by less than 1 nT


def earth_fixed_nt(position_km: Array, when: datetime) -> Array:
    """Field nT in Earth-fixed axes at Earth-fixed positions (n, 3), for one date."""
    import ppigrf  # slow to load (pandas)

    x, y, z = position_km.T
    r = np.linalg.norm(position_km, axis=1)
    theta, phi = np.arccos(z / r), np.arctan2(y, x)
    theta = np.clip(theta, 1e-6, np.pi - 1e-6)  # ppigrf divides by sin(theta)
    up, south, east = (
        part[0] for part in ppigrf.igrf_gc(r, np.degrees(theta), np.degrees(phi), when.replace(tzinfo=None))
    )
    st, ct, sp, cp = np.sin(theta), np.cos(theta), np.sin(phi), np.cos(phi)
    return np.stack(
        (up * st * cp + south * ct * cp - east * sp, up * st * sp + south * ct * sp + east * cp, up * ct - south * st),
        axis=1,
    )


def cubic(grid_start: float, step: float, values: Array, at: Array) -> Array:
    """Values (n, k) on an even grid, at times strictly inside its second and last but one node: 4-point Lagrange."""
    u = (at - grid_start) / step
    i = np.clip(np.floor(u).astype(np.int64), 1, len(values) - 3)
    f = (u - i)[:, None]
    a, b, c, d = values[i - 1], values[i], values[i + 1], values[i + 2]
    return (
        -f * (f - 1) * (f - 2) / 6 * a
        + (f + 1) * (f - 1) * (f - 2) / 2 * b
        - (f + 1) * f * (f - 2) / 2 * c
        + (f + 1) * f * (f - 1) / 6 * d
    )
