"""`dragonet ais decode`: AIS sentences through the flight decoder (firmware/sensor), run by MicroPython."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO

import typer
from rich.console import Console
from rich.table import Table

from dragonet import micropython
from dragonet.errors import UserError
from dragonet.flatsat.ais_log import require_text
from dragonet.paths import FIRMWARE

_EPILOG = """Examples:

  dragonet ais decode receiver.nmea

  dragonet ais decode - --json
"""

app = typer.Typer(add_completion=False, epilog=_EPILOG, help="Ships' AIS messages.")

_DECODER = Path(__file__).with_name("ais_decoder.py")
_CHUNK = 65536  # bytes, as ais_decoder.CHUNK

_STOPPED = "the AIS decoder stopped in the middle of its input; its last words are above"

# Columns of the readable table: field name, heading, format.
_COLUMNS: tuple[tuple[str, str, str], ...] = (
    ("msg_type", "type", "{}"),
    ("mmsi", "MMSI", "{:09d}"),
    ("lat", "lat deg", "{:.5f}"),
    ("lon", "lon deg", "{:.5f}"),
    ("speed", "speed kn", "{:.1f}"),
    ("course", "course deg", "{:.1f}"),
    ("heading", "heading deg", "{}"),
    ("status", "status", "{}"),
    ("shipname", "name", "{}"),
    ("callsign", "call sign", "{}"),
    ("ship_type", "ship type", "{}"),
    ("destination", "destination", "{}"),
)


@app.callback()
def _ais() -> None:
    """Ships' AIS messages."""


class Decoder:
    """The flight decoder in a MicroPython process. `counts` is complete after the last line was read.

    source: sentences, a line each, of which the user knows as `name`.
    UserError: MicroPython is missing, the source is not text, or the decoder broke off.
    """

    def __init__(self, source: BinaryIO, name: str):
        self._source = source
        self._name = name
        self.counts: dict[str, Any] = {}

    def lines(self) -> Iterator[str]:
        """A JSON line per message, as soon as its bytes came."""
        environment = {**os.environ, "MICROPYPATH": f"{FIRMWARE}:.frozen"}
        command = [micropython.find(), str(_DECODER)]
        chunk = os.read(self._source.fileno(), _CHUNK)
        require_text(chunk, self._name)
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
            assert process.stdin is not None and process.stdout is not None
            try:
                while chunk:
                    _send(process.stdin, len(chunk).to_bytes(4, "big") + chunk)
                    yield from self._until(process.stdout, ".")
                    chunk = os.read(self._source.fileno(), _CHUNK)
                _send(process.stdin, bytes(4))
                yield from self._until(process.stdout, "=")
            finally:
                process.kill()

    def _until(self, output: IO[bytes], end: str) -> Iterator[str]:
        for raw in output:
            line = raw.decode()
            if line.startswith(end):
                if end == "=":
                    self.counts = json.loads(line[1:])
                return
            yield line.rstrip("\n")
        raise UserError(_STOPPED)


def _send(pipe: IO[bytes], data: bytes) -> None:
    try:
        pipe.write(data)
        pipe.flush()
    except BrokenPipeError:
        raise UserError(_STOPPED) from None


def summary(counts: dict[str, Any]) -> str:
    """One line: messages by type, and what was dropped and why."""

    def listed(values: dict[str, int]) -> str:
        return " ".join(f"{name}:{count}" for name, count in sorted(values.items(), key=lambda item: _order(item[0])))

    messages, counted, dropped = counts["messages"], counts["counted"], counts["dropped"]
    parts = [f"{sum(messages.values())} messages decoded" + (f" (type {listed(messages)})" if messages else "")]
    if counted:
        parts.append(f"{sum(counted.values())} of other types (type {listed(counted)})")
    parts.append(f"{sum(dropped.values())} dropped" + (f" ({listed(dropped)})" if dropped else ""))
    return ", ".join(parts)


def _order(name: str) -> tuple[int, str]:
    return (int(name), "") if name.isdigit() else (0, name)


def _table(lines: Iterator[str]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for _, heading, _ in _COLUMNS:
        table.add_column(heading, no_wrap=True)
    for line in lines:
        message = json.loads(line)
        table.add_row(*(_cell(message.get(name), form) for name, _, form in _COLUMNS))
    console = Console(soft_wrap=True) if sys.stdout.isatty() else Console(width=200)
    if table.row_count:
        console.print(table)


def _cell(value: Any, form: str) -> str:
    return "-" if value is None or value == "" else form.format(value)


def _print(lines: Iterator[str]) -> None:
    for line in lines:
        print(line, flush=True)


@app.command()
def decode(
    file: str = typer.Argument(..., metavar="FILE", help="NMEA sentences, a line each; - reads standard input."),
    as_json: bool = typer.Option(False, "--json", help="A JSON object per message instead of a table."),
) -> None:
    """Decode AIS sentences with the flight decoder: types 1 2 3 5 18 19 24 27.

    Fields have pyais's names, and null is "not available". What is no good sentence is counted on standard error.
    """
    show: Callable[[Iterator[str]], None] = _print if as_json else _table
    if file == "-":
        _run(sys.stdin.buffer, "standard input", show)
        return
    try:
        with open(file, "rb") as source:
            _run(source, file, show)
    except BrokenPipeError:  # nobody reads our output any more
        raise
    except OSError as error:
        raise UserError(
            f"cannot read {file}: {error.strerror}; name a file of NMEA sentences, or - for standard input"
        ) from None


def _run(source: BinaryIO, name: str, show: Callable[[Iterator[str]], None]) -> None:
    decoder = Decoder(source, name)
    show(decoder.lines())
    print(summary(decoder.counts), file=sys.stderr)
