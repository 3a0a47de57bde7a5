"""A chart over mission time as inline SVG: lines, eclipse shading, passes, and the data its hover needs."""

from __future__ import annotations

import html
import json
import math
from dataclasses import dataclass, field

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 960, 52, 14, 10, 26
_HEIGHT = 210
Values = list[float]


@dataclass
class Line:
    """One curve. style: "" a line, "truth" a thin dashed one. colour: number of the page's palette."""

    name: str
    values: Values
    colour: int
    style: str = ""


@dataclass
class Chart:
    """title: heading. unit: of the axis. Empty `lines` say so in place of a chart."""

    title: str
    unit: str
    t_s: Values
    lines: list[Line]
    end_s: float
    dark: list[tuple[float, float]] = field(default_factory=list)
    passes: list[tuple[float, float]] = field(default_factory=list)
    marks: list[tuple[float, str]] = field(default_factory=list)
    note: str = ""

    def add(self, name: str, values: Values | None, colour: int, style: str = "") -> None:
        """A curve, unless there is none."""
        if values is not None:
            self.lines.append(Line(name, values, colour, style))

    def x(self, t_s: float) -> float:
        """Pixels of a mission time."""
        return LEFT + (WIDTH - LEFT - RIGHT) * t_s / max(self.end_s, 1.0)

    def svg(self) -> str:
        """The figure."""
        finite = [value for line in self.lines for value in line.values if not math.isnan(value)]
        if not finite:
            none = '<p class="none">no values in this flight</p>'
            return f"<figure><figcaption><b>{self.title}</b></figcaption>{none}</figure>"
        ticks = nice(min(finite), max(finite))
        low, high = ticks[0], ticks[-1]
        floor = _HEIGHT - BOTTOM

        def y(value: float) -> float:
            return floor - (floor - TOP) * (value - low) / (high - low)

        out = [f'<svg viewBox="0 0 {WIDTH} {_HEIGHT}" role="img" aria-label="{html.escape(self.title)}">']
        out += [band(self.x(a), self.x(b), TOP, floor, "dark") for a, b in self.dark]
        out += [band(self.x(a), self.x(b), TOP, floor, "pass") for a, b in self.passes]
        for tick in ticks:
            out.append(f'<path class="grid" d="M{LEFT} {y(tick):.1f}H{WIDTH - RIGHT}"/>')
            out.append(
                f'<text class="tick" x="{LEFT - 6}" y="{y(tick) + 3.5:.1f}" text-anchor="end">{tick:.10g}</text>'
            )
        out += time_axis(self, floor)
        for t, text in self.marks:
            out.append(
                f'<path class="mark" d="M{self.x(t):.1f} {TOP}V{floor}"><title>{html.escape(text)}</title></path>'
            )
        for line in self.lines:
            points = [
                (self.x(t), y(v)) if not math.isnan(v) else None for t, v in zip(self.t_s, line.values, strict=True)
            ]
            out.append(f'<path class="line c{line.colour} {line.style}" d="{path(points)}"/>')
        out.append(f'<path class="cursor" d="M0 {TOP}V{floor}" visibility="hidden"/></svg>')
        legend = "".join(
            f'<span class="key c{line.colour} {line.style}"><i></i>{html.escape(line.name)}</span>'
            for line in self.lines
        )
        data = {
            "t": [round(t, 1) for t in self.t_s],
            "end": self.end_s,
            "unit": self.unit,
            "lines": [
                [line.name, [None if math.isnan(v) else float(f"{v:.5g}") for v in line.values]] for line in self.lines
            ],
        }
        note = f'<span class="note">{html.escape(self.note)}</span>' if self.note else ""
        return (
            f'<figure class="chart"><figcaption><b>{html.escape(self.title)}</b> <span class="unit">{self.unit}</span>'
            f"{legend}{note}</figcaption>{''.join(out)}"
            f'<script type="application/json">{json.dumps(data, separators=(",", ":"))}</script></figure>'
        )


def time_axis(chart: Chart, floor: float) -> list[str]:
    """Ticks and labels of mission time."""
    step = next(
        (s for s in (300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400) if chart.end_s / s <= 13), 172800
    )
    out: list[str] = []
    for n in range(int(chart.end_s / step) + 1):
        x = chart.x(n * step)
        out.append(f'<path class="grid" d="M{x:.1f} {floor}v4"/>')
        out.append(f'<text class="tick" x="{x:.1f}" y="{floor + 16}" text-anchor="middle">{clock(n * step)}</text>')
    return out


def band(x0: float, x1: float, top: float, floor: float, kind: str) -> str:
    """A shaded span."""
    return f'<rect class="{kind}" x="{x0:.1f}" y="{top}" width="{max(x1 - x0, 0.5):.1f}" height="{floor - top:.1f}"/>'


def path(points: list[tuple[float, float] | None]) -> str:
    """SVG path through points; None lifts the pen."""
    out: list[str] = []
    pen = "M"
    for point in points:
        if point is None:
            pen = "M"
            continue
        out.append(f"{pen}{point[0]:.1f} {point[1]:.1f}")
        pen = "L"
    return "".join(out)


def nice(low: float, high: float) -> list[float]:
    """Round numbers that span low..high in 4 to 8 steps."""
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    raw = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * k for k in (1, 2, 2.5, 5, 10) if raw <= power * k * 1.0000001)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(n * step, 10) for n in range(first, max(last, first + 1) + 1)]


def clock(t_s: float) -> str:
    """Mission time as h:mm."""
    return f"{int(t_s) // 3600}:{int(t_s) // 60 % 60:02d}"
