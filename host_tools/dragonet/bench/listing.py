"""What stands on a bench now: each board of its file, as far as it tells without being disturbed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import Any

from dragonet.bench import adapter, boards, reach
from dragonet.bench.benchfile import Bench, Entry
from dragonet.deploy.updater import Updater
from dragonet.errors import NotDone, UserError
from dragonet.ground import bus_watch, telemetry
from dragonet.ground.commander import Commander, dictionary
from dragonet.ground.csp_client import CspClient
from dragonet.ground.via import open_link

from core import ports  # isort: skip

_BUS_S = 1.0
_SYSTEM_ERRORS = ("rx_errors", "tx_errors")
_BEAT_S = 2.5  # a heartbeat comes each second


_OURS = ("unix", "emulated")  # whose power is ours


def listing(
    bench: Bench, stop: bool = False, on: Mapping[str, adapter.Link] = MappingProxyType({})
) -> list[dict[str, Any]]:
    """A row for each board. stop: apps that run may be stopped, by three quick resets. on: boards that are open.

    UserError: the bus cannot be.
    """
    told = _by_bus(bench) if bench.via is not None else {}

    def row(entry: Entry) -> dict[str, Any]:
        return _row(bench, entry, stop, told.get(entry.role, {}), on.get(entry.name))

    with ThreadPoolExecutor(max_workers=len(bench.boards)) as pool:
        return list(pool.map(row, bench.boards))


def others(bench: Bench) -> list[dict[str, str]]:
    """Serial ports that the bench file does not name."""
    named = {entry.reach for entry in bench.boards} | {f"uid:{entry.reach[4:].lower()}" for entry in bench.boards}
    return [
        {"port": port, "uid": uid}
        for port, uid in adapter.serial_ports().items()
        if port not in named and f"uid:{uid.lower()}" not in named
    ]


def _row(
    bench: Bench, entry: Entry, stop: bool, bus: dict[str, Any], on: adapter.Link | None = None
) -> dict[str, Any]:
    row: dict[str, Any] = {"board": entry.name, "role": entry.role, "port": entry.reach, "state": "", "error": ""}
    if entry.kind == "flight":
        row["state"] = "flies" if bus else "silent"
        if not bus:
            row["error"] = "no answer on the bus" if bench.via else "the bench file names no bus: via = \"flight\""
    else:
        try:
            with reach.open(bench, entry) if on is None else contextlib.nullcontext(on) as link:
                row["port"] = link.url if entry.kind == "uid" else entry.reach
                found = boards.prompt(link, entry, stop)
                row.update(found.describe(), state="prompt", update=found.state)
                row["error"] = found.error
        except (NotDone, UserError) as error:
            row["state"] = "flies" if bus else "silent"
            row["error"] = "" if bus else str(error).removeprefix(f"{entry.name}: ")
            if entry.kind in _OURS and isinstance(error, boards.NoPrompt):  # it has power, and is no stranger
                row.update(state="runs", error="its app runs: --stop ends it at the prompt, which tells the rest")
    row.update(bus)
    return row


def _by_bus(bench: Bench) -> dict[str, dict[str, Any]]:
    """role -> what its board tells over the bus; nothing of boards that are silent."""
    assert bench.via is not None
    found: dict[str, dict[str, Any]] = {}
    with open_link(bench.via, bench.bitrate) as wire:
        client = CspClient(wire, version=bench.csp_version)
        for role in dict.fromkeys(entry.role for entry in bench.boards):
            told: dict[str, Any] = {}
            try:
                for name, value in _asked(Commander(client, role, None, _BUS_S), role):
                    told[name] = value
            except NotDone as error:  # what it told before stands: it may run another firmware than this checkout
                told.update({"error": str(error)} if told else {})
            if told:
                found[role] = told
        waiting = set(found)
        for packet in bus_watch.packets(wire, bench.csp_version, _BEAT_S, None) if waiting else ():
            if packet["dport"] == ports.HEARTBEAT and packet["src_name"] in waiting:
                cause = packet["values"]["reset_cause"]
                found[packet["src_name"]]["reset"] = boards.RESETS.get(cause, str(cause))
                waiting.discard(packet["src_name"])
            if not waiting:
                break
    return found


def _asked(commander: Commander, role: str) -> Iterator[tuple[str, Any]]:
    updater = Updater(commander)
    board, status = updater.board(), updater.status()
    yield "uid", board.uid.hex()
    yield "platform", board.target
    yield "active", status.running
    yield "update", status.state
    yield "version", status.version
    yield "base", board.base.hex()
    yield "image", status.hashes[("a", "b").index(status.running)] if status.running != "golden" else ""
    table = dictionary(role)
    told = {
        number: {one.name: one for one in telemetry.values(table, number, commander.call("tm_get", set=number).data)}
        for number in range(len(table.sets))
    }
    everything = {name: one for values in told.values() for name, one in values.items()}
    for name in ("uptime", "uptime_s", "mode", "boots"):
        if name in everything:
            yield name, everything[name].value
    yield "rails", {
        name: one.value for name, one in told.get(0, {}).items() if name.endswith("_v") and one.value is not None
    }
    yield "bus_errors", sum(int(everything[name].value or 0) for name in _SYSTEM_ERRORS if name in everything)


def watch(bench: Bench, period_s: float) -> Iterator[list[dict[str, Any]]]:
    """listing(), again and again, period_s apart. Virtual and emulated boards stay on meanwhile."""
    with contextlib.ExitStack() as stack:
        on: dict[str, adapter.Link] = {}
        for entry in bench.boards:
            if entry.kind in _OURS:
                with contextlib.suppress(UserError):  # its row says so
                    on[entry.name] = stack.enter_context(reach.open(bench, entry))
        while True:
            begun = time.monotonic()
            yield listing(bench, on=on)
            time.sleep(max(0.1, period_s - (time.monotonic() - begun)))
