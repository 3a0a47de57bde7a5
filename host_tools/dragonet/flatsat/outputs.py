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
    summary = _summary(flight)
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


def _summary(flight: Flight) -> dict[str, Any]:
    scenario = flight.scenario
    boards = {
        role: {
            "pid": board.pid,
            "sys_implementation": board.implementation,
            "boots": board.boots,
            "resets": {str(cause): count for cause, count in board.resets.items()},
            "clock_ppm": board.clock.ppb / 1000,
            "lost_records": board.lost_records,
        }
        for role, board in flight.boards.items()
    }
    return {
        "scenario": scenario.source,
        "satellite": scenario.mission.name,
        "seed": flight.seed,
        "separation_utc": flight.utc(0.0),
        "flown_s": flight.t_s,
        "wall_s": round(flight.wall_s, 3),
        "speed": round(flight.t_s / flight.wall_s, 1) if flight.wall_s else None,
        "boards": boards,
        "counts": _counts(flight),
        "first_rf_s": flight.carrier.first_s,
        "burn_wire_first_on_s": {
            name: wire.first_hot_s for name, wire in flight.burn_wires.items() if wire.first_hot_s is not None
        },
        "stations": [dataclasses.asdict(one) for one in scenario.stations],
        "passes": [dataclasses.asdict(one) for one in flight.passes],
        "events": flight.events,
        "notes": list(scenario.notes),
        **{name: report() for name, report in flight.reports.items()},
    }


def _counts(flight: Flight) -> dict[str, int]:
    return {
        "grants": flight.hub.grants,
        "can_frames": sum(bus.frames for bus in flight.buses.values()),
        "can_errors": sum(bus.errors for bus in flight.buses.values()),
        **({} if flight.i2c is None else {f"i2c_{name}": count for name, count in flight.i2c.counts.items()}),
        "csp_packets": flight.bus_log.packets,
        "csp_dropped": flight.bus_log.dropped,
        "housekeeping": flight.housekeeping.rows,
        "transmissions": len(flight.carrier.sent),
        "ais_sentences": flight.ais_sentences,
    }


def write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n")
