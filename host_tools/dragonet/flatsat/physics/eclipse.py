"""How much of the sun's disc a satellite sees past the Earth: overlap of two discs (Montenbruck and Gill 3.4.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dragonet.flatsat.physics import sun

Array = NDArray[np.float64]
_EARTH_KM = 6378.137


def sunlit(position_km: Array, to_sun: Array, distance_au: Array) -> Array:
    """0 in the umbra, 1 in full sun, between in the penumbra. Shapes (n, 3), (n, 3), (n,). Spherical Earth, no air."""
    ray = to_sun * (distance_au * sun.AU_KM)[:, None] - position_km
    far = np.linalg.norm(ray, axis=1)
    radius = np.linalg.norm(position_km, axis=1)
    a = np.arcsin(sun.RADIUS_KM / far)  # apparent radius of the sun
    b = np.arcsin(np.minimum(_EARTH_KM / radius, 1.0))  # and of the Earth
    cos = -np.einsum("ij,ij->i", ray, position_km) / (far * radius)
    c = np.arccos(np.clip(cos, -1.0, 1.0))  # between their centres
    c_safe = np.maximum(c, 1e-9)
    x = (c_safe**2 + a**2 - b**2) / (2 * c_safe)
    y = np.sqrt(np.maximum(a**2 - x**2, 0.0))
    hidden = a**2 * np.arccos(np.clip(x / a, -1, 1)) + b**2 * np.arccos(np.clip((c_safe - x) / b, -1, 1)) - c_safe * y
    partly = 1.0 - hidden / (np.pi * a**2)
    return np.where(c >= a + b, 1.0, np.where(c <= b - a, 0.0, np.clip(partly, 0.0, 1.0)))
