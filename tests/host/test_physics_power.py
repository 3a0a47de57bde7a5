"""Cells, converters and battery against the fact sheet, and the books of energy balanced."""

import dataclasses
import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragonet.flatsat import scenario
from dragonet.flatsat.physics import panels
from dragonet.flatsat.physics.attitude import Attitude
from dragonet.flatsat.physics.battery import Battery
from dragonet.flatsat.physics.spacecraft import Spacecraft


def test_a_cell_at_the_makers_conditions_gives_the_makers_maximum_power() -> None:
    isc, voc, a = panels.cell(1.0, 28.0)
    v = panels.peak_v(voc, a)
    i = isc * (1 - math.exp((v - voc) / a))
    assert (v, i) == (pytest.approx(2.411, abs=0.008), pytest.approx(0.5044, abs=0.0015))
    assert v * i == pytest.approx(2.411 * 0.5044, rel=2e-4)


@given(st.floats(0.01, 1.4), st.floats(-80, 90))
@settings(deadline=None)
def test_the_closed_form_finds_the_maximum_of_the_curve(light: float, celsius: float) -> None:
    isc, voc, a = panels.cell(light, celsius)
    v = np.linspace(0.0, voc, 4001)
    best = float(np.max(v * isc * (1 - np.exp((v - voc) / a))))
    found = panels.peak_v(voc, a)
    assert found * isc * (1 - math.exp((found - voc) / a)) == pytest.approx(best, rel=1e-4)


@given(st.floats(0.01, 1.2), st.floats(0.0, 0.3), st.floats(0.0, 1.0))
@settings(deadline=None)
def test_a_converter_never_gives_more_than_the_light_and_what_it_takes_shows_at_the_panel(
    a: float, b: float, share: float
) -> None:
    axis = panels.Converter(7, 0.98)
    axis.light(a, b, 20.0, -10.0)
    axis.draw(axis.best_w * share)
    assert axis.volts * axis.amps == pytest.approx(axis.best_w * share, rel=1e-9, abs=1e-12)
    assert 0.0 <= axis.amps < 0.53 * (a + b) * 1.05
    assert axis.best_w < 7 * 1.33 * (a + b) * 1.2


@pytest.mark.parametrize(("other", "share"), [(0.0, 0.3), (0.0, 0.9), (0.25, 0.3), (0.25, 0.9)])
def test_a_throttled_converter_sits_on_the_cells_curve(other: float, share: float) -> None:
    axis = panels.Converter(7, 1.0)
    axis.light(1.0, other, 20.0, 20.0)
    axis.draw(axis.best_w * share)
    v, amps = axis.volts / 7, 0.0
    for light in (1.0, other):
        if light:
            isc, voc, a = panels.cell(light, 20.0)
            amps += max(0.0, isc * (1 - math.exp((v - voc) / a)))
    assert axis.amps == pytest.approx(amps, rel=0.002)


@pytest.mark.parametrize("other", [0.02, 0.1, 0.25, 0.6])
def test_two_lit_panels_give_nearly_the_most_of_their_joint_curve(other: float) -> None:
    axis = panels.Converter(1, 1.0)
    axis.light(other, 1.0, -20.0, 30.0)
    v = np.linspace(0.0, 3.0, 3001)
    amps = np.zeros_like(v)
    for light, celsius in ((other, -20.0), (1.0, 30.0)):
        isc, voc, a = panels.cell(light, celsius)
        amps += np.maximum(0.0, isc * (1 - np.exp((v - voc) / a)))
    best = float(np.max(v * amps))
    assert 0.985 * best < axis.best_w <= best * (1 + 1e-6)


def test_a_full_battery_moves_the_set_point_towards_the_open_circuit_voltage() -> None:
    axis = panels.Converter(2, 0.98)
    axis.light(1.0, 0.0, 28.0, 28.0)
    axis.draw(axis.best_w)
    tracking = axis.volts
    axis.draw(0.2 * axis.best_w)
    assert tracking == pytest.approx(2 * 2.411, abs=0.02)
    assert 2 * 2.6 < axis.volts < 2 * 2.7
    axis.light(0.0, 0.001, 28.0, 28.0)
    axis.draw(0.0)
    assert (axis.best_w, axis.volts, axis.amps) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("name", "size", "watts"),
    [("nanodragon", "1U", 2.3), ("nanodragon", "3U", 6.2), ("picodragon", "1U", 2.4), ("picodragon", "3U", 6.4)],
)
def test_mean_power_at_the_cells_is_that_of_the_fact_sheet(name: str, size: str, watts: float) -> None:
    """Every attitude alike, no albedo, cells held at 28 °C; 10:30 sun-synchronous 560 km, or 51.6 deg, any node."""
    base = scenario.load(name)
    body = dataclasses.replace(base.spacecraft, size=size, tracking_efficiency=1.0, albedo=0.0)
    luck = random.Random(7)
    watts_seen = []
    for turn in range(8):
        orbit = dataclasses.replace(base.orbit, ltdn="10:30")
        if name == "picodragon":
            orbit = dataclasses.replace(base.orbit, altitude_km=410.0, raan_deg=45.0 * turn)
        craft = Spacecraft(dataclasses.replace(base, spacecraft=body, orbit=orbit), 1)
        craft.thermal.faces = [28.0] * 6
        for n in range(0, 2 * 5750, 4):
            craft.t_s = float(n)
            craft.attitude = Attitude((1.0, 1.0, 1.0), tuple(luck.gauss(0, 1) for _ in range(4)), (0.0, 0.0, 0.0))  # type: ignore[arg-type]
            craft._frame()
            craft._light()
            watts_seen.append(craft._best_w)
    assert float(np.mean(watts_seen)) == pytest.approx(watts, rel=0.05)


def test_open_circuit_voltage_follows_the_table() -> None:
    for soc, volts in ((0.0, 3.00), (0.05, 3.28), (0.2, 3.50), (0.5, 3.68), (0.95, 4.13), (1.0, 4.19)):
        assert Battery(5.2, soc, 8.2).open_v == pytest.approx(2 * volts)
    assert Battery(5.2, 0.55, 8.2).open_v == pytest.approx(3.68 + 3.78)


def test_a_step_of_load_sags_by_r0_at_once_and_by_r1_in_minutes() -> None:
    pack = Battery(2.6, 0.5, 8.2)
    pack.step(-3.5, 25.0, 1.0)
    amps = -pack.amps
    assert pack.volts == pytest.approx(7.36 - amps * 0.150, abs=1e-9)
    assert amps * pack.volts == pytest.approx(3.5)
    for _ in range(300):
        pack.step(-3.5, 25.0, 1.0)
    assert pack.volts == pytest.approx(pack.open_v + pack.amps * 0.230, abs=0.003)


def test_a_cold_pack_sags_more() -> None:
    warm, cold = Battery(2.6, 0.5, 8.2), Battery(2.6, 0.5, 8.2)
    warm.step(-3.0, 25.0, 1.0)
    cold.step(-3.0, -5.0, 1.0)
    assert (7.36 - cold.volts) / -cold.amps == pytest.approx(2.46 * 0.150, rel=0.01)
    assert cold.volts < warm.volts


@given(st.lists(st.floats(-6, 6), min_size=20, max_size=200), st.floats(0.3, 0.7))
@settings(deadline=None)
def test_energy_in_is_energy_stored_and_energy_lost(watts: list[float], soc: float) -> None:
    pack = Battery(5.2, soc, 8.4)
    stored = lost = given_j = 0.0
    for w in watts:
        for _ in range(10):
            open_v, relax = pack.open_v, pack._relax_v
            pack.step(w, 25.0, 1.0)
            given_j += pack.volts * pack.amps
            stored += open_v * pack.amps
            lost += pack.amps**2 * 0.075 + relax * pack.amps
    assert given_j == pytest.approx(stored + lost, rel=1e-6, abs=1e-6)


def test_charging_keeps_what_the_makers_efficiency_says() -> None:
    pack = Battery(2.6, 0.3, 8.4)
    put = 0.0
    for _ in range(3600):
        pack.step(4.0, 25.0, 1.0)
        put += pack.amps
    assert (pack.soc - 0.3) * 2.6 * 3600.0 == pytest.approx(0.995 * put, rel=1e-9)


def test_charging_stops_below_zero_and_above_forty_five_and_is_slow_when_cold() -> None:
    pack = Battery(2.6, 0.5, 8.2)
    assert pack.charge_limit_w(-0.1) == 0.0
    assert pack.charge_limit_w(45.1) == 0.0
    assert pack.charge_limit_w(5.0) == pytest.approx(0.2 * 2.6 * 8.2)
    assert pack.charge_limit_w(25.0) > pack.charge_limit_w(5.0)


def test_the_converters_never_raise_the_pack_above_its_limit() -> None:
    pack = Battery(2.6, 0.8, 8.2)
    for _ in range(4 * 3600):
        pack.step(min(5.0, pack.charge_limit_w(25.0)), 25.0, 1.0)
        assert pack.volts < 8.2 + 1e-6
    assert pack.open_v > 8.19


def test_protection_opens_below_five_volts_and_closes_when_charged() -> None:
    pack = Battery(2.6, 0.02, 8.2)
    for _ in range(7200):
        pack.step(-4.0, 0.0, 1.0)
    assert not pack.connected
    assert pack.amps == 0.0
    for _ in range(60):
        pack.step(0.0, 10.0, 1.0)
    assert not pack.connected
    for _ in range(3600):
        pack.step(2.0, 10.0, 1.0)
    assert pack.connected


def test_protection_opens_where_a_load_pulls_the_pack_below_five_volts_though_it_is_not_empty() -> None:
    pack = Battery(2.6, 0.02, 8.2)
    r0 = 2 * 0.075
    holds_w = -5.05 * (pack.open_v - 5.05) / r0
    pack.step(holds_w, 25.0, 0.01)
    assert pack.connected
    assert pack.volts == pytest.approx(5.05, abs=0.01)
    pack.step(1.06 * holds_w, 25.0, 0.01)
    assert not pack.connected
    assert pack.amps == 0.0
    assert pack.volts == pytest.approx(pack.open_v, abs=0.05)
    assert pack.soc > 0.019
    pack.step(-1.0, 25.0, 1.0)
    assert (pack.connected, pack.amps) == (False, 0.0)


def test_protection_closes_at_six_volts_and_four_tenths() -> None:
    pack = Battery(2.6, 0.0, 8.2)
    pack.step(-1.0, 25.0, 1.0)
    assert not pack.connected
    while not pack.connected:
        before = pack.volts
        pack.step(1.0, 25.0, 10.0)
    assert before < 6.4 <= pack.volts < 6.45
    assert pack.soc < 0.05


@given(st.floats(-200, 200), st.floats(0, 1), st.floats(-40, 70))
@settings(deadline=None)
def test_no_power_and_no_temperature_breaks_the_pack(watts: float, soc: float, celsius: float) -> None:
    pack = Battery(2.6, soc, 8.2)
    for _ in range(5):
        pack.step(watts, celsius, 1.0)
    assert math.isfinite(pack.volts)
    assert 0.0 <= pack.soc <= 1.0
