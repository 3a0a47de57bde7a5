"""The report of a bench's checks: one HTML page that needs no other file, made of results.json alone."""

from __future__ import annotations

import contextlib
import html
import math
import os
import string
from pathlib import Path
from typing import Any

from dragonet.bench.measure import FAILED, NOT_POSSIBLE, PASSED, Check, Curve, Measurement, Results
from dragonet.errors import UserError
from dragonet.flatsat.report.chart import nice, path

_PAGE = Path(__file__).with_name("report.html")
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 960, 190, 52, 14, 18, 26
_COLOURS = 4
_BAR = 120  # pixels of a measurement's range


def write(results: Results, target: Path) -> None:
    """The page appears when it is complete. UserError: it cannot be written."""
    part = target.with_suffix(".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(page(results), encoding="utf-8")
        os.replace(part, target)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise UserError(f"{target}: cannot be written: {error.strerror}") from None


def page(results: Results) -> str:
    about = results.about
    name = html.escape(str(about.get("bench", "bench")))
    return string.Template(_PAGE.read_text(encoding="utf-8")).substitute(
        name=name,
        about=html.escape(f"{about.get('utc', '')}, {about.get('file', '')}, {about.get('kind', '')}"),
        tiles=_tiles(results),
        boards="".join(_board(role, found) for role, found in results.boards.items()) or "<p>none answered</p>",
        checks="".join(_check(one) for one in results.checks) or "<p>none was run</p>",
        versions="".join(_row(key, value) for key, value in about.items()),
    )


def _tiles(results: Results) -> str:
    counts = results.counts
    measured = [one for check in results.checks for one in check.measurements]
    bad = sum(not one.good for one in measured)
    tiles = [
        (counts[PASSED], "checks passed", "passed"),
        (counts[FAILED], "checks failed", "failed" if counts[FAILED] else ""),
        (counts[NOT_POSSIBLE], "not possible on this bench", "not" if counts[NOT_POSSIBLE] else ""),
        (len(measured), "measurements", ""),
        (bad, "of them out of limits", "failed" if bad else ""),
        (_time(results.about.get("bench_s", 0.0)), f"on the bench, in {_time(results.about.get('wall_s', 0.0))}", ""),
    ]
    return "".join(f'<div><b class="{kind}">{value}</b><span>{text}</span></div>' for value, text, kind in tiles)


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _board(role: str, found: dict[str, Any]) -> str:
    rows = "".join(_row(key, value) for key, value in found.items() if key != "role")
    return f"<section><h3>{html.escape(role)}</h3><table>{rows}</table></section>"


def _row(key: str, value: Any) -> str:
    if isinstance(value, dict):
        value = ", ".join(f"{name} {one}" for name, one in value.items())
    return f"<tr><td>{html.escape(key.replace('_', ' '))}</td><td>{html.escape(str(value))}</td></tr>"


def _check(one: Check) -> str:
    kind = {PASSED: "passed", FAILED: "failed"}.get(one.outcome, "not")
    opened = " open" if one.outcome == FAILED else ""
    took = f"{_time(one.bench_s)} on the bench" if one.bench_s else ""
    count = f"{len(one.measurements)} measurements" if one.measurements else ""
    count = f"{len(one.bad)} of {count} out of limits" if one.bad else count
    outcome = html.escape(one.outcome or "not ended")
    head = f'<span class="outcome {kind}">{outcome}</span><b>{html.escape(one.name)}</b>'
    parts = [f"<details{opened}><summary>{head}<small>{count}</small><small>{took}</small></summary>"]
    parts.append(f'<p class="soft">{html.escape(" ".join(one.doc.split()))}</p>')
    parts += [f'<p class="soft">{html.escape(note)}</p>' for note in one.notes]
    if one.why:
        parts.append(f'<p class="why {kind}">{html.escape(one.why[:4000])}</p>')
    parts += [curve(each) for each in one.curves]
    for caption, uri in one.pictures:
        picture = f'<img alt="" src="{html.escape(uri)}">'
        parts.append(f"<figure><figcaption>{html.escape(caption)}</figcaption>{picture}</figure>")
    if one.measurements:
        head = "<tr><th>board</th><th>measurement</th><th class='number'>value</th>"
        head += "<th></th><th>limits</th><th></th></tr>"
        parts.append(f"<table>{head}{''.join(_measurement(each) for each in one.measurements)}</table>")
    return "".join(parts) + "</details>"


def _measurement(one: Measurement) -> str:
    cells = [html.escape(one.board), html.escape(one.name), html.escape(one.shown), html.escape(one.unit)]
    row = f'<td>{cells[0]}</td><td>{cells[1]}</td><td class="number">{cells[2]}</td><td>{cells[3]}</td>'
    kind = "good" if one.good else "bad"
    return f'<tr class="{kind}">{row}<td>{html.escape(one.limits)}</td><td>{_range(one)}</td></tr>'


def _range(one: Measurement) -> str:
    """Where the value lies within its limits."""
    low, high, value = one.low, one.high, one.value
    if low is None or high is None or low == high or not isinstance(value, int | float) or math.isnan(value):
        return ""
    at = 10 + (_BAR - 20) * (value - low) / (high - low)
    at = min(_BAR - 3.0, max(3.0, at))
    bar = f'<rect class="allowed" x="10" y="4" width="{_BAR - 20}" height="6" rx="3"/>'
    return f'<svg class="range" viewBox="0 0 {_BAR} 14">{bar}<circle class="at" cx="{at:.1f}" cy="7" r="4"/></svg>'


def curve(one: Curve) -> str:
    """A figure."""
    finite = [value for values in one.lines.values() for value in values if value is not None and math.isfinite(value)]
    caption = f"<b>{html.escape(one.title)}</b> <span class='soft'>{html.escape(one.unit)}</span>"
    if not finite or len(one.t_s) < 2:
        return f"<figure><figcaption>{caption}<span class='soft'>no values</span></figcaption></figure>"
    ticks = nice(min(finite), max(finite))
    low, high = ticks[0], ticks[-1]
    first, last = one.t_s[0], max(one.t_s[-1], one.t_s[0] + 1e-9)
    floor = _HEIGHT - _BOTTOM

    def x(t_s: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (t_s - first) / (last - first)

    def y(value: float) -> float:
        return floor - (floor - _TOP) * (value - low) / (high - low)

    out = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{html.escape(one.title)}">']
    for tick in ticks:
        out.append(f'<path class="grid" d="M{_LEFT} {y(tick):.1f}H{_WIDTH - _RIGHT}"/>')
        out.append(f'<text class="tick" x="{_LEFT - 6}" y="{y(tick) + 3.5:.1f}" text-anchor="end">{tick:.10g}</text>')
    for tick in nice(first, last):
        if first <= tick <= last:
            out.append(f'<text class="tick" x="{x(tick):.1f}" y="{floor + 16}" text-anchor="middle">{tick:.10g}</text>')
    for t_s, text in one.marks:
        if first <= t_s <= last:
            out.append(f'<path class="mark" d="M{x(t_s):.1f} {_TOP}V{floor}"/>')
            out.append(f'<text class="tick" x="{x(t_s) + 3:.1f}" y="{_TOP - 5}">{html.escape(text)}</text>')
    keys = ""
    for number, (name, values) in enumerate(one.lines.items()):
        colour = 1 + number % _COLOURS
        points = [None if v is None else (x(t), y(v)) for t, v in zip(one.t_s, values, strict=True)]
        out.append(f'<path class="line c{colour}" d="{path(points)}"/>')
        keys += f'<span class="key c{colour}"><i></i>{html.escape(name)}</span>'
    return f"<figure><figcaption>{caption}{keys}</figcaption>{''.join(out)}</svg></figure>"
