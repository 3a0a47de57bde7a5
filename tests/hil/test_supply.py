"""The supply that stands for the battery: loads are shed and come back with it, and a power cut loses nothing."""

import pytest

from dragonet.bench.measure import Check, Curve
from hil.rig import Rig

from core import ports  # isort: skip

HEALTHY_V, LOW_V, SAFE_V = 7.8, 6.82, 6.62  # below parts.LEVELS' 6.9 V and 6.7 V, above their next
DEBOUNCE_S = 16.0  # parts.LEVEL_DEBOUNCE_MS, and the loads' least times
OFF_A, ON_A = 0.005, 0.010
OFF_S = 5.0
BOOT_S = 8.0
SENSOR, AIS = 2, 4  # bits of loads_on


@pytest.mark.long
def test_loads_are_switched_by_the_battery_and_their_currents_follow(rig: Rig, check: Check) -> None:
    """As the pack's voltage falls the EPS sheds the AIS receiver, then the sensor board, never the beacon; and back."""
    supply = rig.supply()
    curve = Curve("Loads while the supply falls and rises", "A", [], {"AIS": [], "sensor": [], "beacon": []})
    began_s = rig.now_s

    def hold(volts: float, seconds: float) -> dict[str, float]:
        supply.set(volts)
        curve.marks.append((rig.now_s - began_s, f"{volts:.2f} V"))
        told: dict[str, float] = {}
        for _ in rig.until(seconds):
            told = {name: one.value or 0.0 for name, one in rig.told("eps").items()}
            curve.t_s.append(rig.now_s - began_s)
            for name, values in curve.lines.items():
                values.append(told[f"load_{name.lower()}_a"])
        return told

    try:
        first = hold(HEALTHY_V, 4.0)
        check.measure("AIS receiver, on", first["load_ais_a"], "A", ON_A, 0.3, "eps")
        if "sensor" in rig.roles:
            check.measure("sensor board, on", first["load_sensor_a"], "A", ON_A, 1.2, "eps")
        low = hold(LOW_V, DEBOUNCE_S)
        check.measure("power level at 6.82 V", low["level"], "", 1, 1, "eps")
        check.measure("AIS receiver, shed", low["load_ais_a"], "A", -OFF_A, OFF_A, "eps")
        safe = hold(SAFE_V, DEBOUNCE_S)
        check.measure("power level at 6.62 V", safe["level"], "", 2, 2, "eps")
        check.measure("sensor board, shed", safe["load_sensor_a"], "A", -OFF_A, OFF_A, "eps")
        check.measure("beacon, never shed", safe["load_beacon_a"], "A", ON_A, 1.5, "eps")
        check.measure("battery as the EPS measures it", safe["battery_v"], "V", SAFE_V - 0.05, SAFE_V + 0.05, "eps")
    finally:
        back = hold(HEALTHY_V, 2 * DEBOUNCE_S)
    check.measure("power level again", back["level"], "", 0, 0, "eps")
    check.measure("AIS receiver, again", back["load_ais_a"], "A", ON_A, 0.3, "eps")
    if "sensor" in rig.roles:
        check.measure("sensor board, again", back["load_sensor_a"], "A", ON_A, 1.2, "eps")
    volts, amps = supply.measure()
    check.measure("supply", volts, "V", HEALTHY_V - 0.1, HEALTHY_V + 0.1)
    check.measure("its current", amps, "A", 0.0, 2.0)
    check.curves.append(curve)


@pytest.mark.long
def test_a_power_cut_loses_nothing(rig: Rig, check: Check) -> None:
    """Without power all are silent; with it they boot by themselves, and know time, counters and keys."""
    before = {role: rig.told(role) for role in rig.roles}
    supply = rig.supply()
    off_s = rig.now_s
    supply.switch(False)
    rig.wait(OFF_S)
    check.measure("heartbeats without power", len(rig.beats(since_s=off_s + 1.5)), "", 0, 0)
    on_s = rig.now_s
    supply.switch(True)
    for role in rig.roles:
        check.measure("heard again after", rig.until_heard(role, on_s, BOOT_S), "s", 0.0, BOOT_S, role)
    rig.wait(3.0)
    for role, was in before.items():
        told = rig.told(role)
        check.measure("boots", told["boots"].value, "", was["boots"].value + 1, was["boots"].value + 1, role)
        cause = rig.beats(role, since_s=on_s)[-1].cause
        check.measure("reset cause, power-on", cause, "", 1, 1, role)
        held_s = was["mission_s"].value
        check.measure("powered time", told["mission_s"].value, "s", held_s - 10, held_s + rig.now_s - off_s + 1, role)
        check.measure("parameters' hash", told["params"].value, "", was["params"].value, was["params"].value, role)
        done = rig.signed(role).call("noop", signed=True, data=b"").status
        check.measure("a command", done, board=role, wanted="completed")
    check.measure("mode", ports.MODES[rig.beats("eps")[-1].mode], board="eps")
