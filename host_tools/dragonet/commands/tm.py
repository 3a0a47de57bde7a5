"""`dragonet tm`: what a board measures, in its units, against its limits."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from dragonet.commands.options import ROUTE_HELP, VIA, AsJson, BitRate, Board, Timeout, Version, Via
from dragonet.errors import NotDone, UserError
from dragonet.ground import bus_watch
from dragonet.ground.commander import Commander, dictionary
from dragonet.ground.csp_client import CspClient
from dragonet.ground.telemetry import Value, values
from dragonet.ground.via import DEFAULT_BIT_RATE, Link, open_link

from core import ports  # isort: skip

_EPILOG = f"""{ROUTE_HELP}

Examples:

  dragonet tm eps

  dragonet tm sensor --set system --json

  dragonet tm eps --watch

What a board kept of the last day: dragonet file hk.

A value outside of its limits is yellow (warning) or red (error). With --json, --watch prints a line each packet.

Exit code 1: no answer, or of another firmware; 2: a wrong argument, no bus.
"""
_BEAT_S = 2.5  # a heartbeat comes each second
_COLOURS = {"": "", "warning": "yellow", "error": "bold red"}


def tm(
    board: Board,
    via: Via = VIA,
    which: Annotated[str, typer.Option("--set", metavar="SET", help="housekeeping or system.")] = "housekeeping",
    watch: Annotated[bool, typer.Option("--watch", help="Show each broadcast of housekeeping, until Ctrl-C.")] = False,
    seconds: Annotated[float | None, typer.Option("--seconds", min=0.0, help="Watch for so long.")] = None,
    timeout: Timeout = 1.0,
    csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE,
    as_json: AsJson = False,
) -> None:
    """Show a board's telemetry: asked for now, or as it is broadcast."""
    one = dictionary(board)
    number = _set_number(one, which)
    if watch and number:
        raise UserError(f"--watch shows what is broadcast: housekeeping, not {which}")
    with open_link(via, bitrate) as link:
        if watch:
            _watch(link, one, csp_version, seconds, as_json)
            return
        reply = Commander(CspClient(link, version=csp_version), board, None, timeout).call("tm_get", set=number)
        same = _same_dictionary(link, one, csp_version)
    found = values(one, number, reply.data)
    if as_json:
        print(json.dumps(_record(one, which, found, same)))
    else:
        Console().print(_table(one, which, found, 0.0, same))
    if same is False:
        raise typer.Exit(1)


def _set_number(one: Any, which: str) -> int:
    names = ["housekeeping", *(table.name for table in one.sets[1:])]
    if which not in names:
        raise UserError(f"--set {which}: {one.role} has {', '.join(names)}")
    return names.index(which)


def _same_dictionary(link: Link, one: Any, version: int) -> bool | None:
    """Whether the board's next heartbeat is of this dictionary; None when none comes."""
    for packet in bus_watch.packets(link, version, _BEAT_S, None):
        if packet["src_name"] == one.role and packet["dport"] == ports.HEARTBEAT:
            return _is_of(packet, one)
    return None


def _is_of(beat: dict[str, Any], one: Any) -> bool:
    return bytes.fromhex(beat["data"])[2:] == (one.hash & 0xFFFF).to_bytes(2, "big")


def _watch(link: Link, one: Any, version: int, seconds: float | None, as_json: bool) -> None:
    """Until the time is over or Ctrl-C. NotDone: nothing was heard."""
    found: list[Value] = []
    heard_s = 0.0
    same: bool | None = None
    with contextlib.ExitStack() as stack:
        live = None if as_json else stack.enter_context(Live(_waiting(one), refresh_per_second=2))
        stack.enter_context(contextlib.suppress(KeyboardInterrupt))
        for packet in bus_watch.packets(link, version, seconds, None):
            if packet["src_name"] != one.role or packet["dport"] not in (ports.HEARTBEAT, ports.HK):
                continue
            if packet["dport"] == ports.HEARTBEAT:
                same = _is_of(packet, one)
            else:
                found = values(one, 0, bytes.fromhex(packet["data"]))
                heard_s = time.monotonic()
                if as_json:
                    print(json.dumps({"time": packet["time"], **_record(one, "housekeeping", found, same)}), flush=True)
            if live is not None and found:
                live.update(_table(one, "housekeeping", found, time.monotonic() - heard_s, same))
    if not found:
        raise NotDone(f"nothing was heard of {one.role}")


def _waiting(one: Any) -> Text:
    return Text(f"waiting for {one.role}: housekeeping comes each 20 s ...")


def _record(one: Any, which: str, found: list[Value], same: bool | None) -> dict[str, Any]:
    return {
        "board": one.role,
        "set": which,
        "dictionary_matches": same,
        "values": {each.name: each.value for each in found},
        "units": {each.name: each.unit for each in found if each.unit},
        "exceeded": {each.name: each.exceeded for each in found if each.exceeded},
    }


def _table(one: Any, which: str, found: list[Value], age_s: float, same: bool | None) -> Table:
    title = f"{one.role}: {which}, {age_s:.0f} s old"
    if same is False:
        title += "; THE BOARD IS OF ANOTHER DICTIONARY"
    table = Table(box=None, title=title, title_justify="left", title_style="bold red" if same is False else "bold")
    for name, justify in (("name", "left"), ("value", "right"), ("unit", "left"), ("what it is", "left")):
        table.add_column(name, justify=justify)  # pyright: ignore[reportArgumentType]
    for each in found:
        shown = "-" if each.value is None else f"{each.value:.10g}"
        if each.name == "mode" and each.value is not None and each.value < len(ports.MODES):
            shown += f" {ports.MODES[int(each.value)]}"
        style = _COLOURS[each.exceeded] if each.value is not None else "dim"
        table.add_row(each.name, Text(shown, style), each.unit, Text(each.description, "dim"))
    return table


tm.__dict__["epilog"] = _EPILOG
