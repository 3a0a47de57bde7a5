"""The satellite as the hub sees it: inputs, channels, truth, temperatures, the same numbers again."""

import dataclasses
import math
import time
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragonet.flatsat import scenario, scenario_sections
from dragonet.flatsat.devices.world import CHANNELS
from dragonet.flatsat.physics import environment, thermal
from dragonet.flatsat.physics.spacecraft import TRUTH, Spacecraft

NANO = scenario.load("nanodragon")


def world(craft: Spacecraft) -> dict[str, float]:
    """Channels of all boards by name; shared names are equal."""
    return {name: value for role in CHANNELS for name, value in zip(CHANNELS[role], craft.channels(role), strict=True)}


def fly(seed: int, seconds: int, name: str = "nanodragon") -> list[float]:
    craft = Spacecraft(scenario.load(name), seed)
    seen: list[float] = []
    for n in range(1, seconds + 1):
        craft.powered["ais"] = n > seconds // 2
        craft.transmit_w = 2.4 if n % 30 == 0 else 0.0
        craft.advance(float(n))
        if n % 60 == 0:
            seen += [
                *craft.channels("eps"),
                *craft.channels("beacon"),
                *craft.channels("sensor"),
                *craft.truth().values(),
            ]
    return seen


@pytest.mark.parametrize("name", ["nanodragon", "picodragon"])
def test_the_same_seed_gives_exactly_the_same_numbers(name: str) -> None:
    assert fly(5, 4000, name) == fly(5, 4000, name)


def test_another_seed_gives_others() -> None:
    assert fly(5, 60) != fly(6, 60)


def test_steps_of_a_second_and_of_an_hour_give_the_same_numbers() -> None:
    one, two = Spacecraft(NANO, 3), Spacecraft(NANO, 3)
    for n in range(1, 3700):
        one.advance(float(n))
    two.advance(3699.0)
    assert one.truth() == two.truth()


def test_time_never_goes_back_and_a_half_second_is_a_half_second() -> None:
    craft = Spacecraft(NANO, 3)
    craft.advance(10.5)
    before = craft.truth()
    craft.advance(9.0)
    assert craft.t_s == 10.5
    assert craft.truth() == before


def test_every_channel_and_every_truth_has_a_finite_value() -> None:
    craft = Spacecraft(NANO, 1)
    for n in range(0, 7200, 300):
        craft.advance(float(n))
        for role, names in CHANNELS.items():
            values = craft.channels(role)
            assert len(values) == len(names)
            assert all(isinstance(value, float) and math.isfinite(value) for value in values)
        assert list(craft.truth()) == [key for key, _, _ in TRUTH]
        assert all(type(value) is float and math.isfinite(value) for value in craft.truth().values())
    with pytest.raises(KeyError, match="no board 'obc'"):
        craft.channels("obc")


def test_the_currents_at_the_monitors_add_up() -> None:
    craft = Spacecraft(NANO, 2)
    craft.powered["ais"] = True
    body = NANO.spacecraft
    for n in range(60, 6000, 60):
        craft.transmit_w = 2.4 if n % 120 == 0 else 0.0
        craft.advance(float(n))
        w = world(craft)
        panels = sum(w[f"panel_{axis}_v"] * w[f"panel_{axis}_a"] for axis in "xyz") * body.converter_efficiency
        loads = sum(w[f"load_{name}_v"] * w[f"load_{name}_a"] for name in scenario_sections.LOADS) + body.eps_w
        assert panels - loads == pytest.approx(w["battery_v"] * w["battery_a"], abs=1e-6)
        assert w["load_beacon_v"] * w["load_beacon_a"] == pytest.approx(body.beacon_w + craft.transmit_w)
        assert craft.truth()["consumption_w"] == pytest.approx(loads)
        assert craft.truth()["generation_w"] == pytest.approx(panels)


def test_a_load_switched_off_shows_neither_volts_nor_amps() -> None:
    craft = Spacecraft(NANO, 2)
    craft.advance(1.0)
    assert world(craft)["load_ais_v"] == 0.0
    assert world(craft)["load_ais_a"] == 0.0
    craft.powered["ais"] = True
    craft.advance(2.0)
    assert world(craft)["load_ais_v"] == world(craft)["battery_v"]
    assert world(craft)["load_ais_a"] > 0.0


def test_field_and_sun_keep_their_lengths_in_body_axes() -> None:
    craft = Spacecraft(NANO, 4)
    for n in range(0, 6000, 500):
        craft.advance(float(n))
        truth = craft.truth()
        chunk, k = craft._environment.at(craft.t_s)
        assert math.hypot(*(truth[f"field_{a}_ut"] for a in "xyz")) == pytest.approx(
            math.hypot(*chunk.field_ut[k]), rel=1e-9
        )
        assert 15.0 < math.hypot(*(truth[f"field_{a}_ut"] for a in "xyz")) < 60.0
        assert math.hypot(*(truth[f"sun_{a}"] for a in "xyz")) == pytest.approx(1.0, abs=1e-9)


def test_panels_are_dark_in_eclipse_and_the_battery_gives() -> None:
    craft = Spacecraft(NANO, 4)
    dark = 0
    for n in range(0, 5800, 10):
        craft.advance(float(n))
        truth = craft.truth()
        if truth["sunlit"] == 0.0 and craft._best_w == 0.0:
            dark += 1
            assert truth["battery_a"] < 0.0
            assert world(craft)["panel_x_v"] == 0.0
    assert dark > 150


def test_an_antenna_deploys_after_seconds_of_heating_at_both_pins_not_before() -> None:
    craft = Spacecraft(NANO, 9)
    craft.burn["antenna"] = 1.0
    craft.advance(2.0)
    assert not craft.antenna_deployed
    assert world(craft)["load_beacon_a"] * world(craft)["load_beacon_v"] == pytest.approx(5.25)
    craft.advance(4.0)
    assert craft.antenna_deployed
    assert not craft.ais_antenna_deployed
    assert world(craft)["antenna"] == 1.0
    assert world(craft)["ais_antenna"] == 0.0


def test_a_wire_that_cools_between_short_pulses_never_parts() -> None:
    craft = Spacecraft(NANO, 9)
    for n in range(300):
        craft.burn["ais_antenna"] = 1.0 if n % 20 == 0 else 0.0
        craft.advance(float(n + 1))
    assert not craft.ais_antenna_deployed


def test_a_wire_without_power_stays_cold() -> None:
    craft = Spacecraft(NANO, 9)
    craft.burn["ais_antenna"] = 1.0
    craft.powered["sensor"] = False
    craft.advance(30.0)
    assert not craft.ais_antenna_deployed


def test_an_empty_battery_takes_the_whole_satellite_down_and_the_sun_brings_it_back() -> None:
    low = dataclasses.replace(NANO, spacecraft=dataclasses.replace(NANO.spacecraft, initial_soc=0.02, sensor_w=8.0))
    craft = Spacecraft(low, 1)
    states = [craft.bus_on]
    for n in range(1, 4 * 3600):
        craft.advance(float(n))
        if craft.bus_on != states[-1]:
            states.append(craft.bus_on)
            craft.powered["sensor"] = False
            if not craft.bus_on:
                craft.advance(n + 1.0)
                assert world(craft)["supply_v"] == 0.0
                assert craft.truth()["consumption_w"] == 0.0
    assert states[:3] == [True, False, True]


def test_a_heater_warms_the_battery() -> None:
    one, two = Spacecraft(NANO, 1), Spacecraft(NANO, 1)
    two.powered["heater"] = True
    one.advance(5400.0)
    two.advance(5400.0)
    assert two.thermal.battery > one.thermal.battery + 2.0


def test_transmitting_warms_the_amplifier_most() -> None:
    one, two = Spacecraft(NANO, 1), Spacecraft(NANO, 1)
    two.transmit_w = 2.4
    one.advance(600.0)
    two.advance(600.0)
    assert two.thermal.pa - one.thermal.pa > 3.0
    assert two.thermal.pa - one.thermal.pa > two.thermal.board - one.thermal.board


@pytest.mark.parametrize("name", ["nanodragon", "picodragon"])
def test_temperatures_of_a_day_are_those_of_a_low_orbit(name: str) -> None:
    craft = Spacecraft(scenario.load(name), 1)
    faces: list[float] = []
    inner: list[float] = []
    for n in range(3 * 3600, 24 * 3600, 60):
        craft.advance(float(n))
        faces += craft.thermal.faces
        inner += [craft.thermal.battery, craft.thermal.board, craft.thermal.payload]
    assert -45.0 < min(faces) < -5.0
    assert 15.0 < max(faces) < 75.0
    assert -15.0 < min(inner)
    assert max(inner) < 40.0


def test_a_body_alone_in_the_sun_settles_where_absorbed_is_radiated() -> None:
    alone = thermal.Thermal("1U", 1.0, 2.6, 0.0)
    sun, ir = [300.0] * 6, [50.0] * 6
    for _ in range(60_000):
        alone.step(sun, ir, [0.0] * 6, 0.0, 0.0, 0.0, 0.0, 1.0)
    kelvin = ((0.88 * 300.0 + 0.82 * 50.0) / (0.82 * 5.670374e-8)) ** 0.25
    for celsius in (*alone.faces, alone.frame, alone.battery, alone.board, alone.payload, alone.pa):
        assert celsius == pytest.approx(kelvin - 273.15, abs=0.02)


def test_heat_put_in_is_heat_stored() -> None:
    cold = thermal.Thermal("3U", 3.8, 5.2, -273.15)  # radiates nothing
    inside = cold._frame_j_k, cold._battery_j_k
    for _ in range(5):
        cold.step([10.0] * 6, [0.0] * 6, [0.02] * 6, 1.0, 2.0, 3.0, 4.0, 1.0)
    shone = 0.88 * 10.0 * sum(cold.areas) - 6 * 0.02
    stored = (cold.frame + 273.15) * inside[0] + (cold.battery + 273.15) * inside[1] + (cold.board + 273.15) * 150.0
    stored += (cold.payload + 273.15) * 250.0 + (cold.pa + 273.15) * 25.0
    stored += sum((t + 273.15) * 3500.0 * area for t, area in zip(cold.faces, cold.areas, strict=True))
    assert stored == pytest.approx(5 * (10.0 + shone), rel=1e-6)


@given(st.floats(-1.0, 1.0), st.floats(1.03, 1.3))
@settings(deadline=None)
def test_a_face_sees_between_nothing_and_all_of_the_earth(cos: float, radius: float) -> None:
    seen = thermal.view(cos, radius)
    assert 0.0 <= seen <= 1.0 / radius**2 + 1e-12


@pytest.mark.parametrize("radius", [1.06, 1.0873])
def test_what_opposite_faces_see_together_is_what_a_cube_sees(radius: float) -> None:
    # mean over all directions of a face: a quarter of the Earth's solid angle over pi
    steps = 20_000
    mean = sum(thermal.view(-1.0 + (2.0 * n + 1.0) / steps, radius) for n in range(steps)) / steps
    solid = 2 * math.pi * (1 - math.sqrt(1 - 1 / radius**2))
    assert mean == pytest.approx(solid / (4 * math.pi), rel=1e-4)
    assert thermal.view(1.0, radius) == pytest.approx(1 / radius**2)
    assert thermal.view(-1.0, radius) == 0.0


def test_gravity_pulls_the_long_axis_towards_the_earth() -> None:
    still = dataclasses.replace(NANO.spacecraft, initial_rates_deg_s=(0.0, 0.0, 0.0), initial_rates_sigma_deg_s=0.0)
    craft = Spacecraft(dataclasses.replace(NANO, spacecraft=still), 2)
    chunk, k = craft._environment.at(0.0)
    down, j = np.array(craft._down), np.array(still.inertia_kg_m2)
    craft.advance(1.0)
    wanted = 3 * 398600.4418 / chunk.radius_km[k] ** 3 * np.cross(down, j * down)  # Wertz 17-36
    assert np.abs(wanted).max() > 1e-8
    assert np.array(craft.attitude.l) == pytest.approx(wanted, rel=1e-6)


def test_sunshine_is_stronger_in_january_than_in_july() -> None:
    def strength(month: int) -> float:
        when = datetime(2021, month, 4, tzinfo=UTC)
        flown = dataclasses.replace(NANO, mission=dataclasses.replace(NANO.mission, separation=when))
        return environment.Environment(flown).at(0.0)[0].strength[0]

    assert strength(1) == pytest.approx(1.0 / 0.98327**2, abs=1e-3)
    assert strength(7) == pytest.approx(1.0 / 1.01670**2, abs=1e-3)


def test_damping_slows_the_tumble_and_nothing_else_does() -> None:
    body = NANO.spacecraft
    damped = dataclasses.replace(
        NANO, spacecraft=dataclasses.replace(body, damping_hours=2.0, magnet_a_m2=(0.0, 0.0, 0.0))
    )
    free, slow = Spacecraft(NANO, 1), Spacecraft(damped, 1)
    start = free.attitude.energy
    free.advance(6 * 3600.0)
    slow.advance(6 * 3600.0)
    assert free.attitude.energy == pytest.approx(start, rel=0.05)
    assert slow.attitude.energy < 0.05 * start


def test_a_magnet_left_alone_lines_up_with_the_field() -> None:
    body = dataclasses.replace(
        scenario.load("picodragon").spacecraft,
        magnet_a_m2=(0.0, 0.0, 0.3),
        damping_hours=1.0,
        initial_rates_deg_s=(0.5, 0.5, 0.5),
    )
    craft = Spacecraft(dataclasses.replace(scenario.load("picodragon"), spacecraft=body), 1)
    craft.advance(8 * 3600.0)
    angles = []
    for n in range(100):
        craft.advance(8 * 3600.0 + 60.0 * n)
        field = [craft.truth()[f"field_{axis}_ut"] for axis in "xyz"]
        angles.append(math.degrees(math.acos(field[2] / math.hypot(*field))))
    assert sum(angles) / len(angles) < 30.0


def test_stations_are_looked_at_and_passed(nanodragon: scenario.Scenario = NANO) -> None:
    two = dataclasses.replace(
        nanodragon, stations=(*nanodragon.stations, scenario_sections.Station("Svalbard", 78.2, 15.4, 450.0, 5.0))
    )
    craft = Spacecraft(two, 1)
    found = craft.passes(12.0)
    assert [one.rise_s for one in found] == sorted(one.rise_s for one in found)
    assert {one.station for one in found} == {"Hoa Lac", "Svalbard"}
    craft.advance(found[0].max_s)
    station = [s.name for s in two.stations].index(found[0].station)
    assert craft.look(station)[0] == pytest.approx(found[0].max_deg, abs=0.1)


def test_a_virtual_second_costs_less_than_three_tenths_of_a_millisecond() -> None:
    craft = Spacecraft(NANO, 1)
    start = time.process_time()
    for n in range(1, 5401):
        craft.advance(float(n))
        for role in CHANNELS:
            craft.channels(role)
        if n % 10 == 0:
            craft.truth()
    assert (time.process_time() - start) / 5400 < 3e-4
