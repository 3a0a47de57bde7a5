"""The rigid body: what must stay, stays; what is known in closed form, comes out."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragonet.flatsat.physics.attitude import Attitude, Vector, cross

J3U: Vector = (0.040, 0.042, 0.0068)
J1U: Vector = (0.0020, 0.0021, 0.0018)


def body(j: Vector, deg_s: Vector) -> Attitude:
    return Attitude(j, (0.5, -0.1, 0.3, 0.8), tuple(math.radians(w) for w in deg_s))  # type: ignore[arg-type]


def inertial_momentum(att: Attitude) -> np.ndarray:
    return np.array(att.matrix()).reshape(3, 3).T @ np.array(att.l)


def derivative(j: np.ndarray, state: np.ndarray) -> np.ndarray:
    q, w = state[:4], state[4:]
    qd = 0.5 * np.array([
        -q[1] * w[0] - q[2] * w[1] - q[3] * w[2], q[0] * w[0] + q[2] * w[2] - q[3] * w[1],
        q[0] * w[1] - q[1] * w[2] + q[3] * w[0], q[0] * w[2] + q[1] * w[1] - q[2] * w[0],
    ])  # fmt: skip
    return np.concatenate((qd, -np.cross(w, j * w) / j))


def runge_kutta(att: Attitude, seconds: float, h: float) -> np.ndarray:
    """An independent integrator: quaternion and rates by the classical fourth order method."""
    j = np.array(att.inertia)
    s = np.array([*att.q, *att.rates])
    for _ in range(round(seconds / h)):
        a = derivative(j, s)
        b = derivative(j, s + h / 2 * a)
        c = derivative(j, s + h / 2 * b)
        d = derivative(j, s + h * c)
        s = s + h / 6 * (a + 2 * b + 2 * c + d)
    return s


@pytest.mark.parametrize("j", [J1U, J3U])
def test_angular_momentum_and_energy_stay_for_a_day_of_tumbling(j: Vector) -> None:
    att = body(j, (9.0, -4.0, 6.0))
    momentum, energy = inertial_momentum(att), att.energy
    worst = 0.0
    for n in range(86_400):
        att.turn(1.0)
        if n % 100 == 0:
            worst = max(worst, abs(att.energy / energy - 1.0))
    assert np.linalg.norm(inertial_momentum(att) - momentum) < 1e-9 * np.linalg.norm(momentum)
    assert worst < 4e-3
    assert abs(math.fsum(x * x for x in att.q) - 1.0) < 1e-12


@given(st.tuples(*[st.floats(-20, 20)] * 3), st.sampled_from([J1U, J3U]))
@settings(max_examples=50, deadline=None)
def test_momentum_stays_for_any_rates(deg_s: Vector, j: Vector) -> None:
    att = body(j, deg_s)
    momentum = inertial_momentum(att)
    for _ in range(300):
        att.turn(1.0)
    assert np.linalg.norm(inertial_momentum(att) - momentum) <= 1e-11 * max(1e-6, float(np.linalg.norm(momentum)))


def test_it_agrees_with_runge_kutta_at_a_fine_step() -> None:
    att = body(J3U, (3.0, -2.0, 4.0))
    wanted = runge_kutta(att, 60.0, 0.01)
    for _ in range(6000):
        att.turn(0.01)
    assert np.abs(np.array(att.q) - wanted[:4]).max() < 1e-6
    assert np.abs(np.array(att.rates) - wanted[4:]).max() < 1e-7


def test_a_second_at_a_time_stays_within_a_degree_of_the_truth_over_an_orbits_tenth() -> None:
    att = body(J3U, (3.0, -2.0, 4.0))
    wanted = runge_kutta(att, 570.0, 0.05)[:4]
    for _ in range(570):
        att.turn(1.0)
    off = 2 * math.degrees(math.acos(min(1.0, abs(float(np.dot(att.q, wanted / np.linalg.norm(wanted)))))))
    assert off < 1.0


def test_a_spin_about_a_principal_axis_turns_by_rate_times_time() -> None:
    att = Attitude(J1U, (1.0, 0.0, 0.0, 0.0), (0.0, 0.0, math.radians(6.0)))
    for _ in range(15):
        att.turn(1.0)
    # 90 degrees about z: the inertial x axis is seen along body -y
    assert np.array(att.matrix()).reshape(3, 3) @ np.array([1.0, 0, 0]) == pytest.approx([0.0, -1.0, 0.0], abs=1e-9)


def test_a_symmetric_body_nutates_at_the_textbook_rate() -> None:
    att = Attitude((0.04, 0.04, 0.01), (1.0, 0.0, 0.0, 0.0), (0.02, 0.0, 0.1))
    nutation = (0.04 - 0.01) / 0.04 * 0.1  # Wertz 16.2: rate of the transverse rates in body axes
    for _ in range(100):
        att.turn(1.0)
    assert att.rates[0] == pytest.approx(0.02 * math.cos(nutation * 100.0), abs=2e-4)
    assert abs(att.rates[1]) == pytest.approx(abs(0.02 * math.sin(nutation * 100.0)), abs=2e-4)


def test_a_torque_about_one_axis_spins_up_about_it() -> None:
    att = Attitude(J1U, (1.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    for _ in range(100):
        att.kick((0.0, 1e-6, 0.0), 1.0)
        att.turn(1.0)
    assert att.rates == pytest.approx((0.0, 1e-4 / 0.0021, 0.0))


def test_cross_is_right_handed() -> None:
    assert cross((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)) == (0.0, 0.0, 1.0)
