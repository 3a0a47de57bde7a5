"""Brings flight code to the boards of a bench, several at a time: plan, send, trial, confirmation, or back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dragonet.bench import boards, device, flown, reach
from dragonet.bench.adapter import Link
from dragonet.bench.benchfile import Bench, Entry
from dragonet.bench.folders import Folders
from dragonet.bench.slots import Plan, Slots
from dragonet.deploy import image as images
from dragonet.deploy.updater import Updater
from dragonet.errors import NotDone, UserError
from dragonet.ground.commander import Commander
from dragonet.ground.csp_client import CspClient
from dragonet.ground.via import open_link

TRIAL_S = 12.0  # of the board's time; firmware/guard.py counts what runs 10 s as settled
_BUS_S = 1.0  # for an answer
_TRIAL_LIMIT_S = 300.0  # of wall time: an emulated board is slow

Tell = Callable[[str, str, int, int], None]  # (board, what it does, bytes done, bytes in all)


@dataclass(frozen=True)
class Order:
    """What is wanted. image: a file, None = built from `firmware` (None = the checkout's) for each board."""

    image: images.Image | None = None
    firmware: Path | None = None
    version: str | None = None
    plan_only: bool = False
    force: bool = False  # flat battery and transmitting radio do not matter
    stop: bool = True  # an app that runs may be stopped
    confirm: bool = True  # False: left on trial
    trial_s: float | None = None
    whole: bool = False  # everything, not only what differs from a board's golden app
    golden: Path | None = None  # that golden app: a file of build/goldens, or a checkout


@dataclass
class Result:
    """Of one board. done: "nothing", "planned", "trial", "confirmed", "rolled back" or "failed". sent: bytes."""

    board: str
    role: str
    done: str
    why: str = ""
    image: str = ""
    slot: str = ""
    keep: int = 0
    send: int = 0
    bytes: int = 0
    sent: int = 0
    trips: int = 0
    seconds: float = 0.0
    code: int = 0
    brings: tuple[str, ...] = ()

    def describe(self) -> dict[str, Any]:
        return asdict(self)


class Builder:
    """Images, each (role, target, golden app) built once, whichever boards ask for it."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._lock = threading.Lock()
        self._made: dict[tuple[str, str, bytes | None], images.Image] = {}

    def image(self, role: str, target: str, base: bytes | None) -> images.Image:
        """base: id of the board's golden app, None: it has none, and takes whole images only."""
        order = self._order
        if order.image is not None:
            return order.image
        with self._lock:
            if (role, target, base) not in self._made:
                self._made[role, target, base] = images.fitting(
                    role, target, base or b"", given=order.golden if base is not None else None,
                    whole=order.whole or base is None, firmware=order.firmware, version=order.version,
                )  # fmt: skip
            return self._made[role, target, base]


def flash(bench: Bench, entries: Sequence[Entry], order: Order, tell: Tell = lambda *_: None) -> list[Result]:
    """All boards at a time. What goes wrong with one is its result; the others go on.

    KeyboardInterrupt: each has ended at its next step.
    """
    builder = Builder(order)
    interrupted = threading.Event()

    def step(*what: Any) -> None:
        if interrupted.is_set():
            raise NotDone("interrupted")
        tell(*what)

    with ThreadPoolExecutor(max_workers=max(len(entries), 1)) as pool:
        jobs = [pool.submit(guarded, bench, entry, order, builder, step) for entry in entries]
        try:
            return [job.result() for job in jobs]
        except KeyboardInterrupt:
            interrupted.set()
            raise


def guarded(bench: Bench, entry: Entry, order: Order, builder: Builder, tell: Tell) -> Result:
    """The result of one board, errors too."""
    result = Result(entry.name, entry.role, "failed")
    begun = time.monotonic()
    try:
        if entry.kind == "flight":
            flown.flash(bench, entry, order, builder.image, tell, result)
            result.seconds = round(time.monotonic() - begun, 3)
            return result
        if bench.via is not None and _flies_it(bench, entry, builder, result):
            result.seconds = round(time.monotonic() - begun, 3)
            return result
        with reach.open(bench, entry) as link:
            try:
                one(link, entry, order, builder, tell, result)
            finally:
                result.sent, result.trips = link.sent, link.trips
    except UserError as error:
        result.done, result.why, result.code = "failed", str(error), 2
    except NotDone as error:
        result.done, result.why, result.code = "failed", str(error), 1
    result.seconds = round(time.monotonic() - begun, 3)
    return result


def _flies_it(bench: Bench, entry: Entry, builder: Builder, result: Result) -> bool:
    """Whether the board says over the bus that it runs this image already: then it is not disturbed."""
    assert bench.via is not None
    try:
        with open_link(bench.via, bench.bitrate) as wire:
            updater = Updater(Commander(CspClient(wire, version=bench.csp_version), entry.role, None, _BUS_S))
            board = updater.board()
            if entry.uid is not None and board.uid != entry.uid:
                raise UserError(f"{entry.name}: on the bus is uid {board.uid.hex()}, not {entry.uid.hex()}")
            target = entry.target or images.target_of(board.target, board.mpy)
            image = builder.image(entry.role, target, None if entry.method == "folders" else board.base)
            status = updater.status()
    except NotDone:
        return False  # silent there: its prompt tells
    running = {"a": 0, "b": 1}.get(status.running)
    if running is None or status.state == "trial" or status.hashes[running] != image.digest[:8].hex():
        return False
    result.done, result.why = "nothing", "it flies this already"
    result.slot, result.image = status.running, image.version
    return True


def one(link: Link, entry: Entry, order: Order, builder: Builder, tell: Tell, result: Result) -> None:
    """One board whose port is open; fills in the result."""
    tell(entry.name, "prompt", 0, 0)
    found = boards.prompt(link, entry, order.stop)
    slots = method(link, entry, found)
    target = entry.target or found.target
    if target is None:
        what = f"{found.machine or found.platform} is no known target"
        raise UserError(f"{entry.name}: {what}: name one in the bench file")
    image = builder.image(entry.role, target, bytes.fromhex(found.base) if isinstance(slots, Slots) else None)
    fits(entry, found, image)
    plan = slots.plan(image)
    _note(result, plan)
    if order.plan_only:
        result.done = "planned" if plan.what != "nothing" else "nothing"
        return
    if plan.what == "nothing":
        result.done = "nothing"
        boards.leave(link)
        return
    _allow(link, entry, order)
    if order.confirm and isinstance(slots, Slots) and link.literal(device.KEPT_SAFE):
        raise NotDone(f"{entry.name}: not flashed: its pin SAFE is low, no trial would run: open it, or --no-confirm")
    if plan.what == "send":
        slots.send(image, lambda done, total: tell(entry.name, "send", done, total))
    failures = slots.failures() if isinstance(slots, Slots) else None
    slots.activate()
    boards.reset(link)
    if not order.confirm:
        result.done = "trial"
        return
    _trial(link, entry, order, tell, result, failures)


def _trial(
    link: Link, entry: Entry, order: Order, tell: Tell, result: Result, failures: tuple[int, str] | None
) -> None:
    wait_s = TRIAL_S if order.trial_s is None else order.trial_s
    begun, limit = link.clock(), time.monotonic() + max(wait_s, _TRIAL_LIMIT_S)
    while (passed := link.clock() - begun) < wait_s and time.monotonic() < limit:
        tell(entry.name, "trial", int(passed * 10), int(wait_s * 10))
        time.sleep(min(0.2, wait_s))
    tell(entry.name, "confirm", 0, 0)
    ended = link.prompt(0.5)  # by itself: three crashes do so on a bench
    # Three quick resets end at the prompt. An app that had settled has booted as often as a trial may then; one that
    # had crashed meanwhile fewer times, or its trial is over.
    slots = method(link, entry, boards.prompt(link, entry, True, honest=True))
    status = slots.status()
    settled = wait_s > slots.settled_s
    failed = isinstance(slots, Slots) and failures is not None and _app_failed(failures, slots.failures())
    if failed or status.state != "trial" or ended or settled and status.boots != slots.trials:
        why = status.result if status.state != "trial" else f"it did not stay up for {wait_s:g} s"
        if failed:
            why = "its app did not start"
        if status.state == "trial":
            slots.rollback()
        result.done, result.why, result.code = "rolled back", why, 1
    else:
        slots.confirm()
        result.done = "confirmed"
    boards.leave(link)


def _app_failed(before: tuple[int, str], after: tuple[int, str]) -> bool:
    """The core flies on for a minute without its app (firmware/core/start.py): it stayed up all the same."""
    return before[0] != after[0] and after[1] == "start"


def rollback(bench: Bench, entry: Entry) -> str:
    """Back to what was confirmed before; the slot that boots now."""
    if entry.kind == "flight":
        return flown.rollback(bench, entry)
    with reach.open(bench, entry) as link:
        slots = method(link, entry, boards.prompt(link, entry, True))
        name = slots.rollback()
        boards.leave(link)
        return name


def method(link: Link, entry: Entry, found: boards.Identity) -> Slots | Folders:
    """How flight code gets onto this board. UserError, NotDone: not as the bench file says."""
    if not found.guard:
        raise NotDone(f"{entry.name}: no guard on it: 'dragonet bench provision {entry.name}', or flash its firmware")
    if found.error:
        raise NotDone(f"{entry.name}: {found.error}: what boots is kept there, so nothing is flashed")
    if found.guard == "folders":
        return Folders(link, entry)
    return Slots(link, entry)


def fits(entry: Entry, found: boards.Identity, image: images.Image) -> None:
    """UserError: the image is for another role, MCU, MicroPython or board."""
    name = entry.name
    role = found.role or entry.role
    if image.role != role:
        raise UserError(f"{name}: the image is for role {image.role}, and this board is {role}")
    if image.target != found.platform:
        raise UserError(f"{name}: the image is for {image.target}, and this board is {found.platform}: build another")
    if (image.mpy ^ found.mpy) & (0xFFFF if image.mpy >> 10 else 0xFF):
        what = f"the image's .mpy files are {image.mpy:#06x}, this MicroPython takes {found.mpy:#06x}"
        raise UserError(f"{name}: {what}: build another")
    if not image.whole and image.base.hex() != found.base:
        raise UserError(images.stranger(name, image.base, bytes.fromhex(found.base)))
    if any(image.uid) and image.uid != bytes.fromhex(found.uid)[:8]:
        raise UserError(f"{name}: the image is for the board with uid {image.uid.hex()}, and this is {found.uid}")


def _allow(link: Link, entry: Entry, order: Order) -> None:
    against = boards.safety(link)
    if against and not order.force:
        raise NotDone(f"{entry.name}: not flashed: {'; '.join(against)} (--force does it all the same)")


def _note(result: Result, plan: Plan) -> None:
    result.why, result.image, result.slot = plan.why, plan.image, plan.slot
    result.keep, result.send, result.bytes = plan.keep, plan.send, plan.bytes
    result.brings = plan.brings
