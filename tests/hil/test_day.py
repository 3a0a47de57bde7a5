"""A day in the life: nobody commands, the boards do what they fly for."""

import pytest

from dragonet.bench.measure import Check, Curve
from hil.rig import Rig

from core import ports  # isort: skip

HK_S = 20.0
BEAT_S = 1.0
SHOWN = 600  # points of a curve


@pytest.mark.long
def test_a_day_in_the_life(rig: Rig, check: Check) -> None:
    """From the bench's first quiet moment on: every heartbeat and housekeeping comes, nothing restarts, it beacons."""
    before = {role: rig.told(role) for role in rig.roles}
    began_s = rig.now_s
    seconds = rig.checks.day_s
    rig.wait(seconds)
    for role in rig.roles:
        told, was = rig.told(role), before[role]
        beats = {round(beat.at_s) for beat in rig.beats(role, since_s=began_s)}
        packets = [one for ear in rig.ears.values() for one in ear.housekeeping if one[1] == role and one[0] >= began_s]
        sequences = {values["seq"] for _, _, values in packets}
        check.measure("heartbeats", 100.0 * len(beats) * BEAT_S / seconds, "%", 99.0, 101.0, role)
        share, edge = 100.0 * HK_S / seconds, 1.5  # the day begins and ends between two packets
        check.measure("housekeeping", len(sequences) * share, "%", 100 - edge * share, 100 + edge * share, role)
        check.measure("boots", told["boots"].value, "", was["boots"].value, was["boots"].value, role)
        check.measure("task restarts", told["restarts"].value, "", was["restarts"].value, was["restarts"].value, role)
        check.measure("faults", told["faults"].value, "", was["faults"].value, was["faults"].value, role)
        drift_s = abs(told["mission_s"].value - was["mission_s"].value - (rig.now_s - began_s))
        check.measure("clock, against the bench's", drift_s, "s", 0.0, 2.0 + 1e-4 * seconds, role)
    sent = rig.value("beacon", "cycles") - before["beacon"]["cycles"].value
    period_s = rig.value("beacon", "period_s")
    check.measure("beacon periods", sent, "", seconds / period_s - 2, seconds / 60 + 1, "beacon")
    check.measure("mode", ports.MODES[rig.value("eps", "mode")], board="eps", wanted="nominal")
    heard = sorted((one for ear in rig.ears.values() for one in ear.housekeeping), key=lambda one: one[0])
    for title, unit, role, names in (
        ("Voltages", "V", "eps", ("battery_v", "load_beacon_v", "load_sensor_v")),
        ("Load currents", "A", "eps", ("load_beacon_a", "load_sensor_a", "load_ais_a")),
        ("Temperatures", "degC", "sensor", ("board_t", "panel_xp_t", "panel_xm_t", "payload_t")),
        ("Temperatures of the EPS", "degC", "eps", ("battery_t", "board_t")),
    ):
        rows = [(at_s, values) for at_s, who, values in heard if who == role and at_s >= began_s]
        rows = rows[:: max(1, len(rows) // SHOWN)]
        times = [at_s - began_s for at_s, _ in rows]
        check.curves.append(Curve(title, unit, times, {name: [values[name] for _, values in rows] for name in names}))
