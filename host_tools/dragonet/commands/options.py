"""Options that several commands share, and how they reach a board."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

import typer

from dragonet.errors import UserError
from dragonet.ground.commander import Commander, limits, wanted
from dragonet.ground.csp_client import CspClient
from dragonet.ground.keys import ROLES, KeyFile
from dragonet.ground.radio_link import Air, OverAir
from dragonet.ground.telemetry import in_unit as in_unit
from dragonet.ground.via import DEFAULT_BIT_RATE, open_link

VIA = "flight"
KEY_VARIABLE = "DRAGONET_KEY"
_FRAME_BYTES = 220  # on the air, at most
_RADIO_TRIES = 10   # of a packet whose answer does not come

Via = Annotated[str, typer.Option("--via", metavar="BUS", help="'dragonet bus --help' shows the forms.")]
Version = Annotated[int, typer.Option("--csp-version", min=1, max=2, help="Version of CSP that the nodes speak.")]
BitRate = Annotated[int, typer.Option("--bitrate", min=10_000, max=1_000_000, help="Bit/s, where the adapter sets it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Timeout = Annotated[float, typer.Option("--timeout", min=0.001, max=3600.0, help="Seconds to wait for answers.")]
Key = Annotated[
    Path | None,
    typer.Option("--key", metavar="FILE", envvar=KEY_VARIABLE, help="Key that signs: 'dragonet key new' makes one."),
]
Board = Annotated[str, typer.Argument(metavar="BOARD", help=", ".join(ROLES))]

ROUTE_HELP = """--via is where the bus is, as 'dragonet bus --help' shows; by default the flight in flights/latest.
--via radio:9600:BUS or radio:9600:10%:BUS puts a radio link between, as slow and losing as much; all is signed then.
--key, or DRAGONET_KEY, is the file of the key that signs; reading needs none."""


@contextlib.contextmanager
def commander(
    board: str, via: str = VIA, key: Path | None = None, csp_version: int = 2, bitrate: int = DEFAULT_BIT_RATE,
    timeout: float = 1.0,
) -> Iterator[Commander]:  # fmt: skip
    """A commander of `board`, its bus open. UserError: no such board, key or bus."""
    if board not in ROLES:
        raise UserError(f"board {board!r}: none of {', '.join(ROLES)}")
    air, bus = _air(via)
    if air is not None and key is None:
        if not os.environ.get(KEY_VARIABLE):
            raise UserError(f"over a radio link all is signed: {KEY_VARIABLE}=FILE ('dragonet key new' makes a key)")
        key = Path(os.environ[KEY_VARIABLE])
    signing = None if key is None else KeyFile.load(key)
    with open_link(bus, bitrate) as link:
        client = CspClient(link, version=csp_version)
        if air is None:
            yield Commander(client, board, signing, timeout)
        else:
            yield Commander(OverAir(client, air), board, signing, timeout + 2 * air.seconds(_FRAME_BYTES), _RADIO_TRIES)


def _air(via: str) -> tuple[Air | None, str]:
    """The radio link that --via names, if any, and the bus behind it."""
    if not via.startswith("radio:"):
        return None, via
    found = re.fullmatch(r"radio:(\d{3,7}):(?:(\d{1,2})%:)?(.+)", via)
    if found is None:
        raise UserError(f"--via {via}: write radio:BIT/S:BUS or radio:BIT/S:LOSS%:BUS, as radio:9600:10%:flight")
    return Air(int(found[1]), int(found[2] or 0) / 100), found[3]


def raw_value(text: str, field: tuple[Any, ...], what: str) -> Any:
    """What a person wrote for an argument or parameter (name, type, unit, scale, lowest, highest), as a raw value.

    Numbers are in the field's unit; bytes are hexadecimal. UserError: wrong type, finer than a step, out of range.
    """
    _, kind, unit, scale, low, high = field[:6]
    good = UserError(f"{what}={text}: must be {wanted(field)}")
    if kind == "text":
        value: Any = text
        size = len(text.encode())
        return value if _within(size, low, high) else _raise(good)
    if kind == "bytes":
        try:
            value = bytes.fromhex(text)
        except ValueError:
            raise good from None
        return value if _within(len(value), low, high) else _raise(good)
    try:
        number = Decimal(text) if not text.lower().startswith("0x") else Decimal(int(text, 16))
        raw = number / Decimal(str(scale))
        if not raw.is_finite():
            raise good
    except (InvalidOperation, ValueError):
        raise good from None
    if raw != raw.to_integral_value():
        raise UserError(f"{what}={text}: must be in steps of {scale:g} {unit}".rstrip())
    lowest, highest = limits(field)
    return int(raw) if lowest <= raw <= highest else _raise(good)


def values_of(line: tuple[Any, ...], texts: list[str]) -> dict[str, Any]:
    """Arguments of a command (its line of the dictionary), written NAME=VALUE, as raw values. UserError: which, why."""
    fields = {field[0]: field for field in line[2]}
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"{text!r}: write arguments as NAME=VALUE")
        if name not in fields:
            raise UserError(f"{line[1]} has no argument {name!r}: {', '.join(fields) or 'it takes none'}")
        if name in found:
            raise UserError(f"{name} is given twice")
        found[name] = raw_value(value, fields[name], name)
    missing = [f"{name} ({wanted(field)})" for name, field in fields.items() if name not in found]
    if missing:
        raise UserError(f"{line[1]} wants {', '.join(missing)}")
    return found


def _within(size: int, low: int | None, high: int | None) -> bool:
    return (low or 0) <= size and (high is None or size <= high)


def _raise(error: UserError) -> Any:
    raise error
