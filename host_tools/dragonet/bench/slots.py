"""Brings a slot image to a board at its safe prompt: the board's own update machine does it, one erase block a trip.

What is in the free slot already is kept, judged by the CRC-32 of each erase block that the board reads back; the whole
is read back and hashed there; one record in FRAM decides what boots, so a cut at any moment leaves a whole app.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dragonet import paths
from dragonet.bench import device
from dragonet.bench.adapter import BoardError, Link
from dragonet.bench.benchfile import Entry
from dragonet.deploy import image as images
from dragonet.errors import NotDone, UserError

paths.use_firmware()

from core import update_machine  # noqa: E402
from core.command_table import CONTENT, REASONS  # noqa: E402
from core.slots import GOLDEN  # noqa: E402

_REASONS = {number: f"{name}: {meaning}" for number, name, meaning in REASONS}
_NAMES = {0: "a", 1: "b", GOLDEN: "golden"}
_HASH_LIMIT_S = 60.0
_ERASE_LIMIT_S = 10.0
_TRIES = 3


@dataclass(frozen=True)
class Status:
    """state: of core/update_record.STATES. active, other: slots 0, 1, GOLDEN. hashes: of what each slot should hold."""

    state: str
    active: int
    other: int
    good: int
    boots: int
    result: str
    hashes: tuple[str, str]
    slot_bytes: int
    block: int


@dataclass(frozen=True)
class Plan:
    """What a flash would do. what: "nothing", "activate", "send". keep, send: erase blocks. bytes: over the link."""

    board: str
    role: str
    image: str
    what: str
    why: str
    slot: str
    keep: int = 0
    send: int = 0
    bytes: int = 0
    brings: tuple[str, ...] = ()


class Slots:
    """One board at its safe prompt. trials: boots that a trial has. settled_s: a boot that runs so long has settled."""

    def __init__(self, link: Link, entry: Entry) -> None:
        """NotDone: its flight code has no slots."""
        self._link = link
        self._entry = entry
        self._status, self.trials, self.settled_s, self._slot_bytes, self._block = self._literal(device.MACHINE)

    def status(self) -> Status:
        state, active, other, good, boots, result, first, second, _ = self._status
        return Status(
            state, active, other, good, boots, result, (_hash(first), _hash(second)), self._slot_bytes, self._block
        )

    def plan(self, image: images.Image) -> Plan:
        """Nothing is changed. UserError: the image is not for this board."""
        status, digest = self.status(), image.digest.hex()
        entry = self._entry
        if len(image.data) > status.slot_bytes:
            raise UserError(f"{entry.name}: the image has {len(image.data)} bytes, its slots {status.slot_bytes}")
        about = entry.name, entry.role, image.version
        total = -(-len(image.data) // status.block)
        active = status.active
        if active != GOLDEN and status.hashes[active] == digest and status.state != "trial":
            if self._value(f"_whole({active})", _HASH_LIMIT_S):
                return Plan(*about, "nothing", "it runs this already", _NAMES[active], total)
        if status.state in ("verified", "trial") and status.hashes[status.other] == digest:
            if self._value(f"_whole({status.other})", _HASH_LIMIT_S):
                return Plan(*about, "activate", f"slot {_NAMES[status.other]} holds it", _NAMES[status.other], total)
        sums = self._sums(image, status.block)
        slot = self._free()
        there = self._value(f"_sums({slot}, {len(image.data)})", _HASH_LIMIT_S)
        keep = [ours == theirs for ours, theirs in zip(sums, there, strict=True)]
        size = sum(len(_block(image, k, status.block)) for k, kept in enumerate(keep) if not kept)
        why = f"{sum(keep)} of {total} blocks are there already" if any(keep) else "new to the board"
        return Plan(*about, "send", why, _NAMES[slot], sum(keep), total - sum(keep), size, image.brings)

    def send(self, image: images.Image, progress: Callable[[int, int], None] | None = None) -> None:
        """The image into the free slot, read back and verified. What another update left half done is given up."""
        digest = image.digest.hex()
        status = self.status()
        other = status.state in ("receiving", "verified") and status.hashes[status.other] != digest
        if status.state == "trial" or other:
            self._do("_m.abort")
        begin = "_m.begin", f"a2b_base64({_text(image.manifest)!r})"
        if self._try(*begin) is not None:  # begun with another manifest
            self._try("_m.abort")
            self._do(*begin)
        for attempt in range(_TRIES):
            self._blocks(image, progress)
            if self._tried(self._try("_m.judge", "_m.slot().hash(_m.manifest().length)"), attempt):
                self._refresh()
                return

    def _tried(self, refused: str | None, attempt: int) -> bool:
        if refused is None:
            return True
        if attempt == _TRIES - 1:
            raise NotDone(f"{self._entry.name}: the slot does not read back as written ({refused}): is its flash worn?")
        return False

    def _blocks(self, image: images.Image, progress: Callable[[int, int], None] | None) -> None:
        block, total = self._block, len(image.data)
        sums = self._sums(image, block)
        slot = self._refresh().other
        at = self._value("_m.window()[0]")
        there = self._value(f"_sums({slot}, {total})", _HASH_LIMIT_S)
        while at < total:
            if progress is not None:
                progress(at, total)
            number = run = at // block
            while run < len(sums) and sums[run] == there[run]:
                run += 1
            at = self._value(f"_keep({sums[number:run]})", _HASH_LIMIT_S) if run > number else self._put(image, number)
        if progress is not None:
            progress(total, total)

    def _put(self, image: images.Image, number: int) -> int:
        at = number * self._block
        data = _block(image, number, self._block)
        for _ in range(_TRIES - 1):
            try:
                return self._value(f"_put({at}, {_text(data)!r})", _ERASE_LIMIT_S)
            except BoardError:
                pass  # it did not read as it was written: erased again
        try:
            return self._value(f"_put({at}, {_text(data)!r})", _ERASE_LIMIT_S)
        except BoardError as error:
            raise NotDone(f"{self._entry.name}: flash is not written at byte {at} ({error}): is it worn out?") from None

    def failures(self) -> tuple[int, str]:
        """Of its flight code since the board was made, and what failed last: "start" is the app that did not start."""
        return self._link.literal(device.FAILURES)

    def activate(self) -> None:
        """From the next boot on the image is on trial."""
        if self._refresh().state != "trial":
            self._do("_m.activate")

    def confirm(self) -> Status:
        """What was on trial stays. NotDone: it is over already."""
        status = self._refresh()
        if status.state != "trial":
            raise NotDone(f"{self._entry.name}: went back to {_NAMES[status.active]}: {status.result}")
        self._do("_confirm")
        return self._refresh()

    def rollback(self) -> str:
        """Ends a trial, or chooses the slot that was confirmed before, else golden. What boots next."""
        status = self._refresh()
        if status.state in ("receiving", "verified", "trial"):
            self._do("_m.abort")
            return _NAMES[self._refresh().active]
        if status.active == GOLDEN:
            raise UserError(f"{self._entry.name} runs golden: there is nothing before that")
        second = 1 - status.active
        number = second if status.good & 1 << second and self._value(f"_whole({second})", _HASH_LIMIT_S) else GOLDEN
        self._do("_m.choose", str(number))
        return _NAMES[number]

    # --- the board ---

    def _refresh(self) -> Status:
        self._status = self._value("_status()")
        return self.status()

    def _free(self) -> int:
        return self._value("_m.state.other if _m.state.other != GOLDEN else _m.free_slot()")

    def _do(self, function: str, arguments: str = "") -> None:
        refused = self._try(function, arguments)
        if refused is not None:
            raise NotDone(f"{self._entry.name}: {function.strip('_').removeprefix('m.')} refused: {refused}")

    def _try(self, function: str, arguments: str = "") -> str | None:
        reason, detail = self._value(f"_do({function}{', ' + arguments if arguments else ''})", _HASH_LIMIT_S)
        if reason is None:
            return None
        return _REASONS[reason] + (f" ({update_machine.DETAILS[detail]})" if reason == CONTENT and detail else "")

    def _value(self, expression: str, limit_s: float = _ERASE_LIMIT_S) -> Any:
        return self._link.evaluate(expression, limit_s)

    def _literal(self, code: str) -> Any:
        try:
            return self._link.literal(code)
        except BoardError as error:
            what = "its flight code cannot update itself"
            raise NotDone(f"{self._entry.name}: {what} ({error}): flash its firmware") from None

    @staticmethod
    def _sums(image: images.Image, block: int) -> list[int]:
        """CRC-32 of the image's bytes in each erase block."""
        return [zlib.crc32(image.data[at : at + block]) for at in range(0, len(image.data), block)]


def _block(image: images.Image, number: int, block: int) -> bytes:
    return image.data[number * block : (number + 1) * block]


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _hash(text: str) -> str:
    return text if text.strip("0") else ""

