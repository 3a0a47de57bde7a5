"""What a board says of itself, and how its prompt is reached: a flight app leaves it only by the ways of guard.py."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

from dragonet.bench import adapter, device
from dragonet.bench.benchfile import Entry
from dragonet.deploy import image as images
from dragonet.errors import NotDone, UserError

FLAT_MV = 6800  # of two Li-ion cells: below it flown boards leave their safe mode downwards
RESETS = {1: "power", 2: "program", 3: "watchdog", 4: "deep sleep", 5: "soft"}
_RESETS_RP2 = {1: "power", 3: "watchdog or program"}
_INTERRUPTS = 4  # the third quick reset ends at the prompt; one may be lost while the board boots
_TURNS = 9
_FIRST_S = 0.5
_BOOT_S = {"emulated": 8.0}
_BOOT_OTHERS_S = 1.5  # a port that stays silent is given up within 10 s
_RBF = "insert the remove-before-flight pin (or pull the pin SAFE low) and try again"


class NoPrompt(NotDone):
    """Its app runs, or nobody is there."""


@dataclass(frozen=True)
class Identity:
    """guard: "slots", "folders" or "" (none). safe: at the prompt by the guard's will, no watchdog runs.

    active: slot that boots ("a", "b", "golden"), with its image's first hash bytes. error: what the board lacks.
    base: id of its golden app, in hexadecimal.
    """

    role: str
    uid: str
    platform: str
    machine: str
    micropython: str
    mpy: int
    uptime_s: int
    reset: str
    guard: str
    safe: bool | None
    state: str
    active: str
    image: str
    version: str
    error: str
    base: str = ""

    @property
    def target(self) -> str | None:
        """Its name in deploy.image.TARGETS, None = of no kind that is known."""
        try:
            return images.target_of(self.platform, self.mpy)
        except UserError:
            return None

    def describe(self) -> dict[str, Any]:
        return asdict(self)


def ask(link: adapter.Link) -> Identity:
    """At the prompt. NotDone: it does not answer."""
    found = link.literal(device.IDENTITY)
    try:
        causes = _RESETS_RP2 if found["platform"] == "rp2" else RESETS
        found["reset"] = causes.get(found["reset"], str(found["reset"]))
        return Identity(**found)
    except (TypeError, KeyError, AttributeError):  # something else prints there, too
        raise adapter.LinkLost(f"{link.name}: answered {found!r} where it should tell who it is") from None


def check(entry: Entry, found: Identity) -> None:
    """UserError: another board than the bench file says."""
    if found.role and found.role != entry.role:
        what = f"the board there is {found.role}, not {entry.role}"
        raise UserError(f"{entry.name}: {what}: mend the bench file or the cables")
    if entry.uid is not None and bytes.fromhex(found.uid)[:8] != entry.uid:
        raise UserError(
            f"{entry.name}: the board there has uid {found.uid}, not {entry.uid.hex()}: mend the bench file or cables"
        )
    if entry.target is not None and found.target != entry.target:
        raise UserError(
            f"{entry.name}: the board there is {found.machine or found.platform} (target {found.target or 'unknown'}),"
            f" not {entry.target}: mend the bench file"
        )


def prompt(link: adapter.Link, entry: Entry, interrupt: bool = False, honest: bool = False) -> Identity:
    """To the safe prompt; the board that answers is the one of the bench file.

    interrupt: an app may be stopped, by the three quick resets that guard.py counts while RBF is inserted. honest: each
    of them is a boot of the app, none is counted ahead. NotDone: the app runs and may not be stopped, nothing answers,
    or RBF is out.
    """
    found = None
    wait_s = _BOOT_S.get(entry.kind, _BOOT_OTHERS_S)
    first_s = wait_s if entry.kept_safe else _FIRST_S  # its prompt comes for sure
    silent = 0
    lost = False
    for turn in range(_TURNS):
        if link.prompt(wait_s if turn else first_s):
            try:
                found = ask(link)
            except adapter.LinkLost:
                if lost:
                    raise
                lost = True  # it may have been about to reset: it is asked once more
                continue
            check(entry, found)
            if not found.guard or found.safe:
                return found
            if not interrupt or not link.literal(device.RBF if honest else device.QUICK):
                break
            reset(link)
        elif interrupt:
            silent += 1
            if silent > _INTERRUPTS:
                break
            _interrupt(link)
        else:
            break
    if found is not None:
        raise NotDone(f"{entry.name}: at the prompt, but its watchdog runs: {_RBF}")
    if interrupt:
        raise NotDone(
            f"{entry.name}: no prompt: is it powered, and is this its port?"
            f" A flight app ends at the prompt on a bench only: {_RBF}"
        )
    raise NoPrompt(f"{entry.name}: no prompt: its app runs (--stop stops it), or it is without power")


def _interrupt(link: adapter.Link) -> None:
    try:
        link.interrupt()
    except adapter.LinkLost:  # USB goes away with a reset
        link.reopen()


def reset(link: adapter.Link) -> None:
    """Reset the board and open its port again."""
    link.leave(device.RESET)
    time.sleep(0.1)
    if not link.url.startswith("socket:"):
        link.reopen()


def leave(link: adapter.Link) -> None:
    """Reset the board: its app runs. Resets from here are no sign that a confirmed slot does not stay up."""
    try:
        link.execute(device.CALM)
        link.leave(device.RESET)
    except NotDone:
        pass  # without power, say: it boots anyhow


def flat(volts: float) -> str:
    """Why a board with this battery should not be flashed."""
    return f"its battery is at {volts:.2f} V, under {FLAT_MV / 1000:.2f} V: charge it"


def safety(link: adapter.Link) -> list[str]:
    """Why this board should not be flashed now; empty: nothing speaks against it."""
    millivolts, sending = link.literal(device.SAFETY)
    found = []
    if millivolts is not None and millivolts < FLAT_MV:
        found.append(flat(millivolts / 1000))
    if sending:
        found.append("its radio transmits: wait for its end, or power-cycle the board")
    return found
