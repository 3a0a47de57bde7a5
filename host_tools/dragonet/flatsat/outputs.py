"""What a flight leaves behind besides telemetry.csv and bus.pcapng: sound, ships, summary, report."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from dragonet.flatsat.flight import SECOND_US, Flight
from dragonet.flatsat.physics import passes
from dragonet.flatsat.physics.orbit import Orbit
from dragonet.flatsat.radio.link import Look
from dragonet.flatsat.radio.sound import LinkAt, write_pass_audio
from dragonet.flatsat.report import write_report

_GRID_S = 1.0


def recorded_pass(flight: Flight) -> passes.Pass | None:
    """The first pass of the first station in which the beacon was on the air."""
    station = flight.scenario.stations[0].name
    first_rf_s = flight.carrier.first_s
    if first_rf_s is None:
        return None
    for one in flight.passes:
        if one.station == station and one.set_s > first_rf_s and one.rise_s < flight.t_s:
            return one
    return None


def link_during(flight: Flight, one: passes.Pass) -> LinkAt:
    """Where the satellite stands, seen from the station, at a time of this pass; None before and after it."""
    times = np.arange(one.rise_s, one.set_s + _GRID_S, _GRID_S)
    orbit = Orbit.of(flight.scenario)
    elevation, distance, rate = passes.look(flight.scenario.stations[0], *passes.fixed_states(orbit, times))

    def link_at(t_s: float) -> Look | None:
        if not one.rise_s <= t_s <= one.set_s:
            return None
        return Look(*(float(np.interp(t_s, times, values)) for values in (elevation, distance, rate)))

    return link_at


def write(flight: Flight, ships: list[dict[str, Any]], counts: dict[str, int] | None = None) -> dict[str, Any]:
    """Write the files; returns the summary, with these counts besides its own. The flight has been stopped."""
    out = flight.out
    summary = flight.summary()
    heard = recorded_pass(flight)
    if heard is not None:
        inside = [
            one for one in flight.carrier.sent
            if heard.rise_s <= one.start_us / SECOND_US and one.stop_us / SECOND_US <= heard.set_s
        ]  # fmt: skip
        clips = write_pass_audio(
            inside, link_during(flight, heard), out / "beacon-cw.wav", out / "beacon-afsk1200.wav", flight.seed
        )
        summary["recording"] = {
            "pass": dataclasses.asdict(heard),
            **{kind: [dataclasses.asdict(clip) for clip in found] for kind, found in clips.items()},
        }
    write_json(out / "ships.json", ships)
    summary["counts"].update(counts or {}, ships=len(ships))
    write_json(out / "summary.json", summary)
    write_report(out)
    return summary


def write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n")
