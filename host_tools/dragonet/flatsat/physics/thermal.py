"""Temperatures: six faces, frame, battery, board, payload, power amplifier; sun, albedo, Earth infrared."""

from __future__ import annotations

import math

_SIGMA = 5.670374e-8  # W/m2/K4
EARTH_IR_W_M2 = 237.0
_ABSORBS, _EMITS = 0.88, 0.82  # faces, mostly cells
_FACE_M2 = {"1U": (0.01, 0.01, 0.01), "3U": (0.034, 0.034, 0.01)}
_FACE_KG_M2, _FACE_J_KG_K = 3.5, 1000.0  # 1.6 mm board with cells
_FACE_W_K_M2 = 20.0  # through its screws to the frame
_FRAME_J_KG_K = 0.6 * 900.0  # share of the satellite's mass, aluminium
_BATTERY_J_K_AH = 35.0  # 48 g cells of 2.6 Ah in pairs, 950 J/kg/K
_BATTERY_W_K, _BOARD_W_K, _PAYLOAD_W_K, _PA_W_K = 0.15, 0.8, 0.6, 0.25
_BOARD_J_K, _PAYLOAD_J_K, _PA_J_K = 150.0, 250.0, 25.0
_K = 273.15
_TABLE = 100


class Thermal:
    """Temperatures in °C: `faces` in the order +x -x +y -y +z -z, and the nodes within."""

    def __init__(self, size: str, mass_kg: float, battery_ah: float, start_c: float) -> None:
        areas = _FACE_M2[size]
        self.areas = (areas[0], areas[0], areas[1], areas[1], areas[2], areas[2])
        self.faces = [start_c] * 6
        self.frame = self.battery = self.board = self.payload = self.pa = start_c
        self._frame_j_k = mass_kg * _FRAME_J_KG_K
        self._battery_j_k = battery_ah * _BATTERY_J_K_AH

    def step(
        self, shine_w_m2: list[float], infrared_w_m2: list[float], taken_w: list[float],
        battery_w: float, board_w: float, payload_w: float, pa_w: float, seconds: float,
    ) -> None:  # fmt: skip
        """Sunshine with albedo and Earth infrared on each face, power the cells took away, heat made within."""
        faces, frame = self.faces, self.frame
        into = 0.0
        for n in range(6):
            area, t = self.areas[n], faces[n]
            k = (t + _K) * (t + _K)
            flow = _FACE_W_K_M2 * area * (t - frame)
            heat = (
                _ABSORBS * shine_w_m2[n] * area
                - taken_w[n]
                + _EMITS * area * (infrared_w_m2[n] - _SIGMA * k * k)
                - flow
            )
            faces[n] = t + heat * seconds / (_FACE_KG_M2 * area * _FACE_J_KG_K)
            into += flow
        battery = _BATTERY_W_K * (self.battery - frame)
        board = _BOARD_W_K * (self.board - frame)
        payload = _PAYLOAD_W_K * (self.payload - frame)
        pa = _PA_W_K * (self.pa - frame)
        self.frame = frame + (into + battery + board + payload + pa) * seconds / self._frame_j_k
        self.battery += (battery_w - battery) * seconds / self._battery_j_k
        self.board += (board_w - board) * seconds / _BOARD_J_K
        self.payload += (payload_w - payload) * seconds / _PAYLOAD_J_K
        self.pa += (pa_w - pa) * seconds / _PA_J_K


def view(cos: float, radius: float) -> float:
    """Share of a flat face's view that the Earth fills; cos of the angle of its normal to nadir, radius in Earth radii.

    Plate and sphere, exact, also where the horizon cuts the plate's view (Howell, configuration factors, B-43).
    """
    gamma = math.acos(max(-1.0, min(1.0, cos)))
    edge = math.acos(1.0 / radius)
    if gamma <= edge:
        return cos / radius**2
    if gamma >= math.pi - edge:
        return 0.0
    root, sin = math.sqrt(radius**2 - 1.0), math.sin(gamma)
    one = math.asin(root / (radius * sin))
    two = cos * math.acos(max(-1.0, min(1.0, -root * cos / sin))) - root * math.sqrt(
        max(0.0, 1.0 - (radius * cos) ** 2)
    )
    return 0.5 - one / math.pi + two / (math.pi * radius**2)


def view_table(radius: float) -> list[float]:
    """`view` at cos = -1 .. 1 in even steps, one more at the end; index with (cos + 1) * VIEW_STEPS / 2."""
    made = [view(-1.0 + 2.0 * n / _TABLE, radius) for n in range(_TABLE + 1)]
    return [*made, made[-1]]


VIEW_STEPS = _TABLE
