"""Which way it faces: a rigid body, by the splitting of Dullweber, Leimkuhler and McLachlan (1997).

Free motion is split into exact turns about the three principal axes, so angular momentum is kept to rounding and energy
without drift, whatever the length of the flight. Torques act as kicks, once a step.
"""

from __future__ import annotations

import math

_TURN = 0.05  # rad, longest turn in one substep: energy sways by 0.2 % at 11 deg/s, without drift

Vector = tuple[float, float, float]


class Attitude:
    """Quaternion body to inertial `q` (scalar first), angular momentum in body axes `l` (N m s).

    inertia: principal moments kg m2. rates: rad/s, body.
    """

    def __init__(self, inertia: Vector, q: tuple[float, float, float, float], rates: Vector) -> None:
        self.inertia = inertia
        n = math.sqrt(sum(x * x for x in q))
        self.q = (q[0] / n, q[1] / n, q[2] / n, q[3] / n)
        self.l = (inertia[0] * rates[0], inertia[1] * rates[1], inertia[2] * rates[2])

    @property
    def rates(self) -> Vector:
        """rad/s, body."""
        m, j = self.l, self.inertia
        return m[0] / j[0], m[1] / j[1], m[2] / j[2]

    @property
    def energy(self) -> float:
        """Rotational energy, J."""
        m, j = self.l, self.inertia
        return (m[0] ** 2 / j[0] + m[1] ** 2 / j[1] + m[2] ** 2 / j[2]) / 2

    def matrix(self) -> tuple[float, ...]:
        """Inertial to body, row by row."""
        w, x, y, z = self.q
        xx, yy, zz = x * x, y * y, z * z
        xy, xz, yz, wx, wy, wz = x * y, x * z, y * z, w * x, w * y, w * z
        return (
            1 - 2 * (yy + zz), 2 * (xy + wz), 2 * (xz - wy),
            2 * (xy - wz), 1 - 2 * (xx + zz), 2 * (yz + wx),
            2 * (xz + wy), 2 * (yz - wx), 1 - 2 * (xx + yy),
        )  # fmt: skip

    def kick(self, torque: Vector, seconds: float) -> None:
        """Add an angular impulse: torque N m, body."""
        m = self.l
        self.l = (m[0] + torque[0] * seconds, m[1] + torque[1] * seconds, m[2] + torque[2] * seconds)

    def turn(self, seconds: float) -> None:
        """Free motion."""
        cos, sin = math.cos, math.sin
        lx, ly, lz = self.l
        jx, jy, jz = self.inertia
        w, x, y, z = self.q
        rate = abs(lx / jx) + abs(ly / jy) + abs(lz / jz)
        n = 1 + int(rate * seconds / _TURN)
        h = seconds / n
        # Strang: x/2 y/2 z y/2 x/2, the trailing x/2 joined to the next substep's
        kx, ky, kz = h / (2 * jx), h / (4 * jy), h / (2 * jz)  # half the angle of each turn, per unit of momentum
        first = kx / 2
        for i in range(n + 1):
            k = first if i == 0 or i == n else kx
            a = k * lx
            c, s = cos(a), sin(a)
            w, x, y, z = w * c - x * s, x * c + w * s, y * c + z * s, z * c - y * s
            c, s = c * c - s * s, 2 * c * s
            ly, lz = c * ly + s * lz, c * lz - s * ly
            if i == n:
                break
            a = ky * ly
            c, s = cos(a), sin(a)
            w, x, y, z = w * c - y * s, x * c - z * s, y * c + w * s, z * c + x * s
            c, s = c * c - s * s, 2 * c * s
            lx, lz = c * lx - s * lz, c * lz + s * lx
            a = kz * lz
            c, s = cos(a), sin(a)
            w, x, y, z = w * c - z * s, x * c + y * s, y * c - x * s, z * c + w * s
            c, s = c * c - s * s, 2 * c * s
            lx, ly = c * lx + s * ly, c * ly - s * lx
            a = ky * ly
            c, s = cos(a), sin(a)
            w, x, y, z = w * c - y * s, x * c - z * s, y * c + w * s, z * c + x * s
            c, s = c * c - s * s, 2 * c * s
            lx, lz = c * lx - s * lz, c * lz + s * lx
        scale = 1.5 - 0.5 * (w * w + x * x + y * y + z * z)  # one Newton step to unit length
        self.q = (w * scale, x * scale, y * scale, z * scale)
        self.l = (lx, ly, lz)


def cross(a: Vector, b: Vector) -> Vector:
    """a x b."""
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]
