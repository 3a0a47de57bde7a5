"""Flashes a board that flies (reach = "flight"), over the bench's bus: what `dragonet update` does, in one go.

Every command is signed with the bench's key. A board whose radio transmits is waited for: it writes no flash meanwhile.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from dragonet.bench import boards
from dragonet.bench.benchfile import Bench, Entry
from dragonet.deploy import image as images
from dragonet.deploy.updater import Status, Updater
from dragonet.errors import NotDone, UserError
from dragonet.ground import telemetry
from dragonet.ground.commander import Commander
from dragonet.ground.csp_client import CspClient
from dragonet.ground.keys import KeyFile
from dragonet.ground.via import open_link

if TYPE_CHECKING:
    from dragonet.bench.flash import Order, Result, Tell

TRIAL_S = 12.0  # of the board's time: a flight runs at --speed 1
_BUS_S = 2.0  # for an answer
_BOOT_S = 15.0  # until a board that was reset answers
_BATTERY = {"eps": ("eps", "battery_v"), "beacon": ("beacon", "supply_v"), "sensor": ("eps", "battery_v")}  # tell of it
_RETRY = "retry"  # the task that is there when the app did not start: firmware/core/start.py
_one_at_a_time = threading.Lock()  # they share the bus, and the key's file counts its commands


@contextlib.contextmanager
def on_bus(bench: Bench, entry: Entry, signs: bool) -> Iterator[Commander]:
    """signs: it will change something. UserError: no bus, no key, another board. NotDone: it does not answer."""
    if bench.via is None:
        raise UserError(f"{entry.name} flies: add its bus to {bench.path}: via = \"flight\" ('dragonet bus --help')")
    if signs and bench.key is None:
        raise UserError(
            f"{entry.name} flies and takes signed commands only: add key = \"ops.key\" to {bench.path}"
            " ('dragonet key new' makes one; the flight takes it by --key)"
        )
    key = KeyFile.load(bench.key) if signs and bench.key is not None else None
    with open_link(bench.via, bench.bitrate) as wire:
        one = Commander(CspClient(wire, version=bench.csp_version), entry.role, key, _BUS_S)
        board = Updater(one).board()
        if entry.uid is not None and board.uid != entry.uid:
            raise UserError(f"{entry.name}: on the bus is uid {board.uid.hex()}, not {entry.uid.hex()}")
        yield one


def flash(
    bench: Bench, entry: Entry, order: Order, image: Callable[[str, str, bytes], images.Image], tell: Tell,
    result: Result,
) -> None:  # fmt: skip
    """One board; fills in the result. image(role, target, id of its golden app): what it shall run."""
    with _one_at_a_time, on_bus(bench, entry, not order.plan_only) as commander:
        one = Updater(commander, time.sleep)
        board = one.board()
        made = image(entry.role, entry.target or images.target_of(board.target, board.mpy), board.base)
        plan = one.plan(made)
        result.why, result.image, result.slot = plan.why, made.version, plan.slot
        result.keep, result.send, result.bytes, result.brings = plan.keep, plan.send, plan.bytes, plan.brings
        if order.plan_only or plan.what == "nothing":
            result.done = "nothing" if plan.what == "nothing" else "planned"
            return
        _allow(commander, entry, order)
        assert bench.key is not None
        if plan.what == "send":
            made = made.sign(KeyFile.load(bench.key))
            status = one.push(made, lambda done, total: tell(entry.name, "send", done, total))
            result.slot = status.other
        before = one.status()
        one.activate()
        if not order.confirm:
            result.done = "trial"
            return
        _wait(entry, order, tell)
        status = _answer(one, entry)
        failed = _failed(commander)
        if status.state == "trial" and status.running == before.other and status.boots <= 1 and not failed:
            one.confirm()
            result.done = "confirmed"
            return
        result.done, result.code = "rolled back", 1
        result.why = "it did not stay up" if status.state == "trial" else status.result
        if failed and status.boots <= 1:
            result.why = failed
        if status.state == "trial":
            one.abort()


def _wait(entry: Entry, order: Order, tell: Tell) -> None:
    """The trial."""
    wait_s = TRIAL_S if order.trial_s is None else order.trial_s
    begun = time.monotonic()
    while (passed := time.monotonic() - begun) < wait_s:
        tell(entry.name, "trial", int(passed * 10), int(wait_s * 10))
        time.sleep(min(0.2, wait_s))
    tell(entry.name, "confirm", 0, 0)


def _failed(commander: Commander) -> str:
    """What failed since its boot, by its list of tasks; its housekeeping may be another than this checkout's."""
    text = commander.channel.processes(commander.address, _BUS_S) or ""
    lines = [line.rsplit(" ", 1) for line in text.splitlines()]
    restarts = {name: int(count) for name, count in (line for line in lines if len(line) == 2) if count.isdigit()}
    if _RETRY in restarts:
        return "its app did not start"
    return ", ".join(f"task {name} failed" for name, count in restarts.items() if count)


def _answer(one: Updater, entry: Entry) -> Status:
    end = time.monotonic() + _BOOT_S
    while True:
        try:
            return one.status()
        except NotDone:
            if time.monotonic() >= end:
                raise NotDone(
                    f"{entry.name}: silent since its reset: unconfirmed, the image is undone after three boots"
                ) from None


def rollback(bench: Bench, entry: Entry) -> str:
    """Back to what was confirmed before; the slot that boots now."""
    with on_bus(bench, entry, True) as commander:
        return Updater(commander).rollback()


def _allow(commander: Commander, entry: Entry, order: Order) -> None:
    """NotDone: a flat battery, unless it is forced. The sensor board's is the one that the EPS tells of."""
    if order.force:
        return
    role, name = _BATTERY[entry.role]
    try:
        volts = _told(Commander(commander.channel, role, None, _BUS_S)).get(name)
    except NotDone:
        return  # nobody knows
    if isinstance(volts, int | float) and volts * 1000 < boards.FLAT_MV:
        raise NotDone(f"{entry.name}: not flashed: {boards.flat(volts)} (--force does it all the same)")


def _told(commander: Commander) -> dict[str, Any]:
    """A board's housekeeping as of now, in units."""
    reply = commander.call("tm_get", set=0)
    return {one.name: one.value for one in telemetry.values(commander.dictionary, 0, reply.data)}
