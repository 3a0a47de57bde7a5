"""Brings flight code to a board with stock MicroPython: a folder of .mpy files, beside the one that runs.

boards/stock/guard.py is the other side. Only files whose SHA-256 on the board differs are sent; the list of all, read
back and checked there, is what the trial, begun by one rename, refers to.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dragonet.bench import slots
from dragonet.bench.adapter import BoardError, Link
from dragonet.bench.benchfile import Entry
from dragonet.deploy import image as images
from dragonet.errors import NotDone, UserError

GOLDEN = slots.GOLDEN
_NAMES = {0: "a", 1: "b", GOLDEN: "none"}
_PART = 2048  # bytes a trip
_LIMIT_S = 60.0

_CODE = """
import guard, json, os
from binascii import a2b_base64
_s = guard.load()
def _free():
    return _s["other"] if _s["other"] != 255 else 1 - _s["active"] if _s["active"] != 255 else 0
def _sums(number, names):
    return [guard.digest("/%s/%s" % (guard.NAMES[number], name))[:16] for name in names]
def _walk(path):
    found = []
    try:
        for one in os.ilistdir(path):
            below = path + "/" + one[0]
            found += _walk(below) if one[1] & 0x4000 else [below]
    except OSError:
        pass
    return found
def _begin(role, number, version):
    _s.update(role=role, state="receiving", other=number, good=_s["good"] & ~(1 << number))
    _s["slots"][number] = {"digest": "", "version": version}
    guard.save(_s)
def _remove(number, names):
    path = "/" + guard.NAMES[number]
    for name in _walk(path):
        if name[3:] not in names:
            os.remove(name)
def _add(path, text, first):
    if first:
        for k in range(1, len(path)):
            if path[k] == "/":
                try:
                    os.mkdir(path[:k])
                except OSError:
                    pass
    with open(path, "wb" if first else "ab") as file:
        file.write(a2b_base64(text))
def _judge(number, digest):
    _s["slots"][number]["digest"] = digest
    if not guard.whole(_s, number):
        return False
    _s["state"] = "verified"
    guard.save(_s)
    return True
def _set(**fields):
    _s.update(**fields)
    guard.save(_s)
print(repr((guard.TRIALS, guard.SETTLED_S)))
"""


@dataclass(frozen=True)
class Status:
    """As slots.Status, of what a trial needs."""

    state: str
    active: int
    other: int
    boots: int
    result: str


class Folders:
    """One board at its safe prompt. trials, settled_s: as slots.Slots."""

    def __init__(self, link: Link, entry: Entry) -> None:
        self._link = link
        self._entry = entry
        try:
            self.trials, self.settled_s = link.literal(_CODE)
        except BoardError as error:
            raise NotDone(f"{entry.name}: its guard is not boards/stock/guard.py ({error}): provision it") from None

    def status(self) -> Status:
        found = self._value("_s")
        return Status(found["state"], found["active"], found["other"], found["boots"], found["result"])

    def plan(self, image: images.Image) -> slots.Plan:
        """Nothing is changed."""
        files, digest = _files(image)
        state = self._value("_s")
        about = self._entry.name, self._entry.role, image.version
        active, other = state["active"], state["other"]
        if active != GOLDEN and state["slots"][active]["digest"] == digest and state["state"] != "trial":
            if self._value(f"guard.whole(_s, {active})"):
                return slots.Plan(*about, "nothing", "it runs this already", _NAMES[active], len(files))
        if state["state"] in ("verified", "trial") and state["slots"][other]["digest"] == digest:
            if self._value(f"guard.whole(_s, {other})"):
                return slots.Plan(*about, "activate", f"slot {_NAMES[other]} holds it", _NAMES[other], len(files))
        number = self._value("_free()")
        send = self._differ(number, files)
        size = sum(len(files[name]) for name in send)
        keep = len(files) - len(send)
        why = f"{keep} of {len(files)} files are there already" if keep else "new to the board"
        return slots.Plan(*about, "send", why, _NAMES[number], keep, len(send), size)

    def send(self, image: images.Image, progress: Callable[[int, int], None] | None = None) -> None:
        """Into the free folder, read back and verified. NotDone: no room, or it does not read back."""
        files, digest = _files(image)
        number = self._value("_free()")
        try:
            self._do(f"_begin({self._entry.role!r}, {number}, {image.version!r})")
            self._do(f"_remove({number}, {list(files)!r})")
            send = self._differ(number, files)
            total, done = sum(len(files[name]) for name in send), 0
            for name in send:
                self._add(f"/{_NAMES[number]}/{name}", files[name])
                done += len(files[name])
                if progress is not None:
                    progress(done, total)
            self._add(f"/{_NAMES[number]}.json", _listed(files))
            if not self._value(f"_judge({number}, {digest!r})"):
                raise NotDone(f"{self._entry.name}: its files do not read back as written: is its flash worn out?")
        except BoardError as error:
            if "28" in str(error) or "ENOSPC" in str(error):
                raise NotDone(f"{self._entry.name}: its file system is full: delete files, or use slots") from None
            raise NotDone(f"{self._entry.name}: files are not written ({error}): provision it with --format?") from None

    def activate(self) -> None:
        """From the next boot on it is on trial: one rename."""
        self._do('_set(state="trial", boots=0)')

    def confirm(self) -> Status:
        status = self.status()
        if status.state != "trial":
            raise NotDone(f"{self._entry.name}: went back to {_NAMES[status.active]}: {status.result}")
        slot, good = status.other, f'_s["good"] | 1 << {status.other}'
        self._do(f'_set(state="confirmed", active={slot}, other={GOLDEN}, boots=0, result="confirmed", good={good})')
        return self.status()

    def rollback(self) -> str:
        status = self.status()
        if status.state in ("receiving", "verified", "trial"):
            self._do(f'_set(state="idle", other={GOLDEN}, boots=0, result="aborted")')
            return _NAMES[status.active]
        second = 1 - status.active
        if status.active == GOLDEN or not self._value(f'_s["good"] & 1 << {second} and guard.whole(_s, {second})'):
            raise UserError(f"{self._entry.name}: there is nothing that was confirmed before")
        self._do(f'_set(state="idle", active={second}, boots=0, result="chosen by command")')
        return _NAMES[second]

    # --- the board ---

    def _differ(self, number: int, files: Mapping[str, bytes]) -> list[str]:
        names = list(files)
        there = self._value(f"_sums({number}, {names!r})")
        sums = [hashlib.sha256(files[name]).hexdigest()[:16] for name in names]
        return [name for name, ours, theirs in zip(names, sums, there, strict=True) if ours != theirs]

    def _add(self, path: str, data: bytes) -> None:
        for at in range(0, max(len(data), 1), _PART):
            text = base64.b64encode(data[at : at + _PART]).decode()
            self._do(f"_add({path!r}, {text!r}, {at == 0})")

    def _do(self, call: str) -> None:
        self._link.execute(call, _LIMIT_S)

    def _value(self, expression: str) -> Any:
        return self._link.evaluate(expression, _LIMIT_S)


def _files(image: images.Image) -> tuple[Mapping[str, bytes], str]:
    if not image.files:
        what = "the image is for slots, and this board has folders"
        raise UserError(f"{image.role} {image.version}: {what}: flash without --image, which builds it")
    return image.files, hashlib.sha256(_listed(image.files)).hexdigest()


def _listed(files: Mapping[str, bytes]) -> bytes:
    return json.dumps({name: hashlib.sha256(data).hexdigest() for name, data in files.items()}).encode()
