"""Brings a slot image to a board by its update service (firmware/core/update.py): plan, push, trial, confirmation.

The board keeps what it has through resets, so a push that was cut off goes on where it was.
"""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dragonet import paths
from dragonet.deploy import image as images
from dragonet.errors import NotDone, UserError
from dragonet.ground.commander import Commander, Refusal

paths.use_firmware()

from core import ports, update_machine, update_record  # noqa: E402
from core import update_status as told  # noqa: E402
from core.slots import GOLDEN, NAMES  # noqa: E402
from csp.output import NO_REPLY  # noqa: E402

BLOCK = update_machine.BLOCK
_AHEAD = 4  # blocks sent before an answer is waited for: a board has 16 packet buffers
_TRIES = 40  # of one erase block: boards that transmit write no flash meanwhile


@dataclass(frozen=True)
class Board:
    """What an image must fit. base: id of its golden app, zeros = it does not tell."""

    role: str
    target: str
    mpy: int
    uid: bytes
    slot_bytes: int
    block_bytes: int
    base: bytes


@dataclass(frozen=True)
class Status:
    """What the board's update is doing. running, active, other: "a", "b", "golden"; other "none" without an update."""

    state: str
    running: str
    active: str
    other: str
    boots: int
    result: str
    good: tuple[str, ...]
    push: str
    window: int
    here: int
    length: int
    trial_s: int
    pushed: int
    hashes: tuple[str, str]
    version: str

    def describe(self) -> dict[str, Any]:
        return {**vars(self), "here": None, "good": list(self.good), "hashes": list(self.hashes)}


@dataclass(frozen=True)
class Plan:
    """What a push would do. keep: erase blocks that the slot has already; send: those that go over the link."""

    what: str  # "nothing", "activate", "send"
    why: str
    keep: int = 0
    send: int = 0
    bytes: int = 0
    slot: str = ""
    brings: tuple[str, ...] = ()


class Updater:
    """The update of one board. pause(seconds): waits while a board is busy."""

    def __init__(self, commander: Commander, pause: Callable[[float], None] = time.sleep) -> None:
        self._commander = commander
        self._pause = pause

    # --- what there is ---

    def board(self) -> Board:
        data = self._commander.call("update_board").data
        if len(data) != told.BOARD_SIZE:
            raise UserError(f"{self._commander.role}: its update service speaks another version")
        role, target, mpy, uid, size, block, base = struct.unpack(told.BOARD, data)
        return Board(_text(role), _text(target), mpy, uid, size, block, base)

    def status(self) -> Status:
        return _status(self._commander.call("update_status").data)

    def fits(self, image: images.Image) -> Board:
        """The board, if the image is for it. UserError: what of it is not."""
        board = self.board()
        name = self._commander.role
        if image.role != board.role:
            raise UserError(f"the image is for role {image.role}, and {name} is {board.role}")
        if image.target != board.target:
            raise UserError(f"the image is for {image.target}, and {name} runs on {board.target}")
        if (image.mpy ^ board.mpy) & (0xFFFF if image.mpy >> 10 else 0xFF):
            what = f"for .mpy files of {board.mpy:#06x}, the image has {image.mpy:#06x}"
            raise UserError(f"{name}'s MicroPython is {what}: build it with another --target")
        if any(image.uid) and image.uid != board.uid:
            raise UserError(f"the image is for the board with uid {image.uid.hex()}, and {name} has {board.uid.hex()}")
        if not image.whole and image.base != board.base:
            raise UserError(images.stranger(name, image.base, board.base))
        if not board.slot_bytes:
            raise UserError(f"{name} has no slots")
        if len(image.data) > board.slot_bytes:
            raise UserError(f"the image has {len(image.data)} bytes, a slot of {name} {board.slot_bytes}")
        return board

    # --- what is done ---

    def plan(self, image: images.Image) -> Plan:
        """Nothing is changed. UserError: the image is not for this board, or something else is under way."""
        board = self.fits(image)
        status = self.status()
        name = self._commander.role
        short = image.digest[:8].hex()
        total = -(-len(image.data) // board.block_bytes)
        for slot, digest in zip(NAMES, status.hashes, strict=True):
            if digest == short and slot == status.running and status.state != "trial":
                return Plan("nothing", f"{name} runs it", total, 0, 0, slot)
            if digest == short and slot == status.other and status.state == "trial":
                return Plan("nothing", f"{name} has it on trial", total, 0, 0, slot)
            if digest == short and slot == status.other and status.state == "verified":
                return Plan("activate", f"slot {slot} holds it, verified", total, 0, 0, slot)
        if status.state == "trial":
            raise UserError(f"{name} has another image on trial: confirm or abort it first")
        if status.state in ("receiving", "verified"):
            index = NAMES.index(status.other)
            if status.hashes[index] != short:
                raise UserError(f"{name} has an update of another image under way: 'dragonet update abort {name}'")
            left = len(image.data) - status.window
            send = -(-left // board.block_bytes)
            return Plan("send", "it was begun before", total - send, send, left, status.other, image.brings)
        why = "new to the board" if image.whole else "what differs from its golden app"
        return Plan("send", why, 0, total, len(image.data), "", image.brings)

    def push(self, image: images.Image, progress: Callable[[int, int], None] | None = None) -> Status:
        """Send, verify. progress(bytes that are there, bytes). NotDone, Refusal: what the board said."""
        plan = self.plan(image)
        if plan.what != "send":
            return self.status()
        if not image.signed:
            raise UserError("the image is not signed: --key FILE signs it")
        status = _status(self._command("update_begin", manifest=image.manifest).data)
        if status.state == "receiving":
            self._send(image, self.board().block_bytes, status.window, status.here, progress)
        self._commander.call("update_verify")
        return self.status()

    def _send(
        self, image: images.Image, block: int, window: int, here: int, progress: Callable[[int, int], None] | None
    ) -> None:
        data, length = image.data, len(image.data)
        again = 0
        keep = True
        while window < length:
            if progress is not None:
                progress(window, length)
            size = min(block, length - window)
            if keep and not here:
                kept = self._keep(window, data[window : window + size])
                if kept is not None:
                    window, here = kept
                    continue
                keep = False  # from the first difference on, files have moved: what follows differs too
            missing = [k for k in range(-(-size // BLOCK)) if not here & 1 << k][:_AHEAD]
            before = window, here
            window, here = self._blocks(data, window, missing)
            again = again + 1 if (window, here) == before else 0
            if again > _TRIES:
                raise NotDone(f"{self._commander.role} takes no more of the image at byte {window} of {length}")
        if progress is not None:
            progress(length, length)

    def _blocks(self, data: bytes, window: int, numbers: list[int]) -> tuple[int, int]:
        commander = self._commander
        offsets = [window + k * BLOCK for k in numbers]
        for offset in offsets[:-1]:
            frame = commander.frame("update_block", NO_REPLY, offset=offset, data=data[offset : offset + BLOCK])
            commander.channel.send(commander.address, ports.COMMAND, frame, NO_REPLY)
        reply = self._command("update_block", offset=offsets[-1], data=data[offsets[-1] : offsets[-1] + BLOCK])
        return int.from_bytes(reply.data[:4], "big"), int.from_bytes(reply.data[4:8], "little")

    def _keep(self, window: int, content: bytes) -> tuple[int, int] | None:
        try:
            reply = self._command("update_keep", offset=window, crc=zlib.crc32(content))
        except Refusal as error:
            if error.reply.reason == "content":
                return None
            raise
        return int.from_bytes(reply.data[:4], "big"), int.from_bytes(reply.data[4:8], "little")

    def _command(self, name: str, **values: Any) -> Any:
        """Patient with a board that is busy."""
        for attempt in range(_TRIES):
            try:
                return self._commander.call(name, **values)
            except Refusal as error:
                if error.reply.reason != "busy" or attempt == _TRIES - 1:
                    raise
                self._pause(1.0)
        raise AssertionError

    def activate(self) -> None:
        """The board resets into the trial."""
        self._commander.call("update_activate")

    def confirm(self) -> Status:
        return _status(self._commander.call("update_confirm").data)

    def abort(self) -> Status:
        return _status(self._commander.call("update_abort").data)

    def rollback(self) -> str:
        """A trial ends; otherwise the slot confirmed before, or golden, boots. What the board resets into."""
        status = self.status()
        if status.state == "trial":
            self.abort()
            return status.active
        if status.running == "golden":
            raise UserError(f"{self._commander.role} runs golden: there is nothing before that")
        other = [name for name in status.good if name != status.running]
        name = other[0] if other else "golden"
        self.choose(name)
        return name

    def choose(self, name: str) -> None:
        """The board resets into slot "a" or "b", confirmed once, or "golden"."""
        self._commander.call("update_choose", slot=GOLDEN if name == "golden" else NAMES.index(name))

    def relay(self, role: str, path: str) -> Status:
        """This board sends the image in its file `path` to board `role`."""
        return _status(self._commander.call("update_push", node=ports.ADDRESSES[role], path=path).data)


def _status(data: bytes) -> Status:
    if len(data) != told.STATUS_SIZE:
        raise UserError(f"an update's status of {len(data)} bytes, not {told.STATUS_SIZE}: another version")
    (state, running, active, other, boots, result, good, push, window, here, length, trial_s, pushed, first, second,
     version) = struct.unpack(told.STATUS, data)  # fmt: skip
    return Status(
        update_record.STATES[state], _slot(running), _slot(active), "none" if other == GOLDEN else _slot(other), boots,
        update_record.RESULTS[result], tuple(name for k, name in enumerate(NAMES) if good & 1 << k),
        told.PUSHES[push], window, int.from_bytes(here, "little"), length, trial_s, pushed,
        (_hash(first), _hash(second)), _text(version),
    )  # fmt: skip


def _slot(number: int) -> str:
    return "golden" if number == GOLDEN else NAMES[number]


def _hash(data: bytes) -> str:
    return data.hex() if any(data) else ""


def _text(field: bytes) -> str:
    return field.rstrip(b"\0").decode("utf-8", "replace")
