"""The recordings: spectrograms of what was received, and beside each the text an ear reads from it."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dragonet.flatsat.report import ear, png
from dragonet.flatsat.report.chart import clock
from dragonet.flatsat.report.log import Log

_MARGIN_S = 0.3
_TOP_HZ = 3000.0
_ROWS, _COLUMNS = 150, 1100
_RANGE_DB = 45.0
_SHOWN = 3  # transmissions of each kind with a picture
_KINDS = (
    ("cw", "beacon-cw.wav", "Morse, 20 WPM", "SSB receiver"),
    ("afsk", "beacon-afsk1200.wav", "AX.25, AFSK 1200 Bd", "FM receiver"),
)


def spectrogram(samples: NDArray[np.float64], rate: int) -> NDArray[np.uint8]:
    """Palette indices (_ROWS, columns): 0 to _TOP_HZ upwards, time to the right, _RANGE_DB below the loudest."""
    window = 1 << round(np.log2(rate * 0.03))
    columns = min(_COLUMNS, max(1, (len(samples) - window) // (window // 8)))
    starts = np.linspace(0, max(0, len(samples) - window), columns).astype(int)
    padded = np.pad(samples, (0, max(0, window - len(samples))))
    shape = np.hanning(window)
    spectra = np.abs(np.fft.rfft(np.stack([padded[s : s + window] * shape for s in starts]), axis=1)) ** 2
    bins = np.arange(spectra.shape[1]) * rate / window
    wanted = np.linspace(_TOP_HZ, 0.0, _ROWS)
    rows = np.stack([np.interp(wanted, bins, spectrum) for spectrum in spectra], axis=1)
    decibels = 10 * np.log10(rows + 1e-12)
    level = (decibels - (decibels.max() - _RANGE_DB)) / _RANGE_DB
    return (np.clip(level, 0.0, 1.0) * 255).astype(np.uint8)


def sections(log: Log) -> str:
    """All recordings of the flight as HTML."""
    recording: dict[str, Any] = log.summary.get("recording") or {}
    parts = [_section(log.folder / name, recording.get(kind) or [], *words) for kind, name, *words in _KINDS]
    found = "".join(part for part in parts if part)
    return found or '<p class="none">no transmission within a pass was recorded in this flight</p>'


def _section(path: Path, clips: list[dict[str, Any]], title: str, receiver: str) -> str:
    if not clips or not path.exists():
        return ""
    try:
        samples, rate = ear.read(path)
    except (OSError, ValueError) as error:
        return f'<p class="none">{html.escape(str(error))}</p>'
    shown = pick(clips)
    rows: list[str] = []
    for n, clip in enumerate(clips):
        first = max(0, int((clip["offset_s"] - _MARGIN_S) * rate))
        part = samples[first : int((clip["offset_s"] + clip["seconds"] + _MARGIN_S) * rate)]
        if len(part) < rate // 20:
            continue
        texts = [ear.morse(part, rate)] if path.name == "beacon-cw.wav" else ear.afsk1200(part, rate)
        text = "<br>".join(html.escape(text) for text in texts if text) or '<span class="none">nothing readable</span>'
        start = clip["start_us"] / 1e6
        head = f"<b>T+{clock(start)}:{int(start) % 60:02d}</b> {clip['seconds']:.1f} s,"
        head += f" C/N<sub>0</sub> {clip['density_dbhz']:.0f} dBHz"
        picture = ""
        if n in shown:
            uri = png.data_uri(spectrogram(part, rate))
            picture = f'<img alt="spectrogram, 0 to 3 kHz" title="0 to 3 kHz" src="{uri}">'
        rows.append(f'<div class="heard">{picture}<div><small>{head}</small><p class="text">{text}</p></div></div>')
    visible, more = rows[: _SHOWN + 2], rows[_SHOWN + 2 :]
    rest = f"<details><summary>{len(more)} more</summary>{''.join(more)}</details>" if more else ""
    return (
        f'<h3>{title} <small>{receiver}, <a href="{path.name}">{path.name}</a></small></h3>'
        f'<audio controls preload="none" src="{path.name}"></audio>{"".join(visible)}{rest}'
    )


def pick(clips: list[dict[str, Any]]) -> set[int]:
    """Which of them get a picture: the first ones, and so the weakest, of those shown at once."""
    return set(range(min(_SHOWN, len(clips))))
