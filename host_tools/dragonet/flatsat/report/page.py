"""Puts the report together: charts, map, sound and tables into page.html. Numbers come from the flight's files only."""

from __future__ import annotations

import html
import math
import os
import string
from pathlib import Path
from typing import Any

from dragonet import paths
from dragonet.errors import UserError
from dragonet.flatsat.report import sound, worldmap
from dragonet.flatsat.report.chart import LEFT, WIDTH, Chart, band, clock, time_axis
from dragonet.flatsat.report.log import Log, read

paths.use_firmware()

from core.ports import MODES  # noqa: E402

_PAGE = Path(__file__).with_name("page.html")
_EVENTS_SHOWN = 40


def write_report(folder: Path) -> Path:
    """Write report.html beside the flight's files in `folder`. UserError: they are missing or cannot be read."""
    folder = Path(folder)
    log = read(folder)
    target = folder / "report.html"
    part = target.with_suffix(".part")
    try:
        part.write_text(page(log), encoding="utf-8")
        os.replace(part, target)
    except OSError as error:
        raise UserError(f"{target}: cannot be written: {error.strerror}") from None
    return target


def page(log: Log) -> str:
    """The whole page."""
    summary = log.summary
    name = html.escape(str(summary.get("satellite", "Flight")))
    return string.Template(_PAGE.read_text(encoding="utf-8")).substitute(
        name=name,
        about=_about(summary),
        notes="".join(f"<p>{html.escape(str(note))}</p>" for note in summary.get("notes", [])),
        tiles=_tiles(log),
        timeline=_timeline(log),
        charts="".join(chart.svg() for chart in charts(log)),
        worldmap=worldmap.svg(log),
        passes=_passes(log),
        sound=sound.sections(log),
        events=_events(summary),
        boards=_boards(summary),
        counts=_counts(summary),
    )


def charts(log: Log) -> list[Chart]:
    """Power, battery, temperatures, rates, field: what the boards said in full lines, the truth dashed."""
    dark = log.spans("truth.sunlit", lambda lit: lit < 0.5)
    over = [(float(one["rise_s"]), float(one["set_s"])) for one in _first_station(log) if one["rise_s"] < log.end_s]
    marks = [
        (float(one["t_s"]), f"{one['source']}: {one['event']}") for one in log.summary.get("events", [])[:_EVENTS_SHOWN]
    ]

    def chart(title: str, unit: str, *lines: tuple[str, str, int, str], scale: float = 1.0, note: str = "") -> Chart:
        made = Chart(title, unit, log.t_s, [], log.end_s, dark, over, marks, note)
        for label, column, colour, style in lines:
            made.add(label, log.column(column, 1.0 if style != "truth" else scale), colour, style)
        return made

    return [
        chart(
            "Power",
            "W",
            ("available from panels", "truth.available_w", 2, "truth"),
            ("generated", "truth.generation_w", 1, ""),
            ("consumed", "truth.consumption_w", 4, ""),
            note="truth",
        ),  # fmt: skip
        chart(
            "State of charge", "%", ("EPS estimate", "eps.soc", 3, ""), ("truth", "truth.soc", 5, "truth"), scale=100.0
        ),
        chart(
            "Battery voltage",
            "V",
            ("EPS", "eps.battery_v", 1, ""),
            ("beacon supply", "beacon.supply_v", 2, ""),
            ("truth", "truth.battery_v", 5, "truth"),
        ),  # fmt: skip
        chart(
            "Temperatures",
            "°C",
            ("battery", "eps.battery_t", 3, ""),
            ("EPS board", "eps.board_t", 1, ""),
            ("amplifier", "beacon.pa_t", 4, ""),
            ("panel +X", "sensor.panel_xp_t", 2, ""),
            ("panel −X", "sensor.panel_xm_t", 5, ""),
            note="as the boards measured",
        ),  # fmt: skip
        vector(chart("Body rate", "deg/s"), log, "gyro", "sensor.rate_{}", 1.0, "truth.rate_{}_deg_s"),
        vector(chart("Magnetic field", "µT"), log, "magnetometer", "sensor.field_{}", 1e-3, "truth.field_{}_ut"),
    ]


def vector(chart: Chart, log: Log, board: str, column: str, scale: float, truth: str) -> Chart:
    """Three faint components as a board measured them, their total, and that of the truth."""
    measured = [log.column(column.format(axis), scale) for axis in "xyz"]
    for axis, values, colour in zip("xyz", measured, (1, 2, 3), strict=True):
        chart.add(f"{board} {axis}", values, colour, "faint")
    chart.add(f"{board} total", _total(measured), 4)
    chart.add("truth, total", _total([log.column(truth.format(axis)) for axis in "xyz"]), 5, "truth")
    return chart


def _total(parts: list[list[float] | None]) -> list[float] | None:
    found = [part for part in parts if part is not None]
    return [math.hypot(*values) for values in zip(*found, strict=True)] if len(found) == 3 else None


def _first_station(log: Log) -> list[dict[str, Any]]:
    passes = log.summary.get("passes", [])
    name = log.stations[0].name if log.stations else (passes[0]["station"] if passes else "")
    return [one for one in passes if one["station"] == name]


def _about(summary: dict[str, Any]) -> str:
    return html.escape(
        f"scenario {summary.get('scenario')}, seed {summary.get('seed')}; separation"
        f" {str(summary.get('separation_utc'))[:19]} UTC;"
        f" {float(summary.get('flown_s') or 0) / 3600:.2f} h of mission flown in {summary.get('wall_s')} s"
    )


def _tiles(log: Log) -> str:
    summary, counts = log.summary, log.summary.get("counts", {})
    tiles: list[tuple[str, str]] = []
    if summary.get("speed"):
        tiles.append((f"{summary['speed']:.0f} ×", "real time"))
    first = summary.get("first_rf_s")
    tiles.append((f"{first / 60:.1f} min" if first is not None else "none", "first transmission after separation"))
    burns = summary.get("burn_wire_first_on_s") or {}
    if burns:
        tiles.append((f"{min(burns.values()) / 60:.1f} min", "first burn wire"))
    tiles.append((f"{counts.get('transmissions', 0):,}", "transmissions"))
    soc = log.column("truth.soc", 100.0)
    if soc:
        tiles.append((f"{min(soc):.0f} to {max(soc):.0f} %", "state of charge"))
    tiles.append((f"{counts.get('ships', len(log.ships)):,}", "ships heard"))
    tiles.append((f"{counts.get('can_frames', 0):,}", "CAN frames"))
    return "".join(f"<div><b>{value}</b><span>{label}</span></div>" for value, label in tiles)


def _timeline(log: Log) -> str:
    """Mode, light and passes as three strips, events as ticks."""
    axis = Chart("", "", [], [], log.end_s)
    out = [f'<svg viewBox="0 0 {WIDTH} 112" role="img" aria-label="Timeline">']
    rows = (("mode", 6), ("light", 34), ("pass", 54), ("events", 74))
    out += [f'<text class="tick" x="{LEFT - 6}" y="{y + 11}" text-anchor="end">{name}</text>' for name, y in rows]
    ends = [*(t for t, _ in log.modes[1:]), log.end_s]
    for (t, mode), end in zip(log.modes, ends, strict=False):
        name = MODES[mode] if 0 <= mode < len(MODES) else str(mode)
        x0, x1 = axis.x(t), axis.x(end)
        out.append(band(x0, x1, 4, 26, f"mode m{mode}")[:-2] + f"><title>{name} from T+{clock(t)}</title></rect>")
        if x1 - x0 > 7 * len(name):
            out.append(f'<text class="modename" x="{x0 + 5:.1f}" y="19">{name}</text>')
    out.append(band(axis.x(0), axis.x(log.end_s), 34, 46, "sunny"))
    out += [band(axis.x(a), axis.x(b), 34, 46, "night") for a, b in log.spans("truth.sunlit", lambda lit: lit < 0.5)]
    for one in _first_station(log):
        if one["rise_s"] < log.end_s:
            title = f"{one['station']}, highest {one['max_deg']:.0f} deg"
            shape = band(axis.x(one["rise_s"]), axis.x(min(one["set_s"], log.end_s)), 54, 66, "over")
            out.append(shape[:-2] + f"><title>{html.escape(title)}</title></rect>")
    for one in log.summary.get("events", []):
        x = axis.x(float(one["t_s"]))
        title = html.escape(f"T+{clock(float(one['t_s']))} {one['source']}: {one['event']}")
        out.append(f'<path class="event" d="M{x:.1f} 73v14"><title>{title}</title></path>')
    return "".join([*out, *time_axis(axis, 90), "</svg>"])


def _passes(log: Log) -> str:
    passes = [one for one in log.summary.get("passes", []) if one["rise_s"] < log.end_s]
    if not passes:
        return '<p class="none">no station saw it in this flight</p>'
    recorded = (log.summary.get("recording") or {}).get("pass", {}).get("rise_s")
    rows = "".join(
        f"<tr><td>{html.escape(one['station'])}</td><td>T+{clock(one['rise_s'])}</td><td>T+{clock(one['set_s'])}</td>"
        f"<td>{(one['set_s'] - one['rise_s']) / 60:.1f} min</td><td>{one['max_deg']:.0f}°</td>"
        f"<td>{'recorded' if one['rise_s'] == recorded else ''}</td></tr>"
        for one in passes
    )
    return (
        f"<table><tr><th>station</th><th>rise</th><th>set</th><th>for</th><th>highest</th><th></th></tr>{rows}</table>"
    )


def _events(summary: dict[str, Any]) -> str:
    rows = [
        f"<tr><td>T+{clock(float(one['t_s']))}:{int(one['t_s']) % 60:02d}</td>"
        f"<td>{html.escape(str(one['source']))}</td><td>{html.escape(str(one['event']))}</td></tr>"
        for one in summary.get("events", [])
    ]
    if not rows:
        return '<p class="none">none</p>'
    shown, more = rows[:_EVENTS_SHOWN], rows[_EVENTS_SHOWN:]
    rest = f"<details><summary>{len(more)} more</summary><table>{''.join(more)}</table></details>" if more else ""
    return f"<table>{''.join(shown)}</table>{rest}"


def _boards(summary: dict[str, Any]) -> str:
    rows = ""
    for role, board in (summary.get("boards") or {}).items():
        what = board.get("sys_implementation") or {}
        version = ".".join(str(part) for part in what.get("version", [])[:3])
        rows += (
            f"<tr><td>{html.escape(role)}</td><td>{html.escape(str(what.get('name', '')))} {html.escape(version)}</td>"
            f"<td>{board.get('pid')}</td><td>{board.get('boots')}</td>"
            f"<td>{float(board.get('clock_ppm') or 0):+.2f}</td></tr>"
        )
    return (
        f"<table><tr><th>board</th><th>runs on</th><th>process</th><th>boots</th><th>clock, ppm</th></tr>{rows}</table>"
    )


def _counts(summary: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(key.replace('_', ' '))}</td><td>{value:,}</td></tr>"
        for key, value in (summary.get("counts") or {}).items()
        if isinstance(value, (int, float))
    )
    return f"<table>{rows}</table>"
