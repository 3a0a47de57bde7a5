"""Commands a board: frames of firmware/core/commands.py, signed with a key where that is needed.

A command that stays without an answer is sent again with the same sequence number, and the board runs it once.
"""

from __future__ import annotations

import itertools
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NamedTuple, Protocol

from dragonet import paths
from dragonet.errors import NotDone, UserError
from dragonet.ground.keys import ROLES, KeyFile

paths.use_firmware()

from core import arguments, commands, ports  # noqa: E402
from core import command_table as table  # noqa: E402
from core import keys as flight  # noqa: E402

_REASONS = {line[0]: (line[1], line[2]) for line in table.REASONS}


class Channel(Protocol):
    """What carries packets: CspClient, or a radio link. `signed_only`: unsigned commands do not get through."""

    address: int

    def port(self) -> int: ...

    def replies(self, dst: int, dport: int, data: bytes, timeout_s: float, sport: int | None = None) -> Iterator[Any]:
        """Replies with .data and .ms, within timeout_s."""
        ...

    def listen(self, dst: int, dport: int, sport: int, timeout_s: float) -> Iterator[Any]: ...


@dataclass(frozen=True)
class Reply:
    """status: of command_table.STATUSES. reason: its name, or "". ms: from the first sending to this reply."""

    status: str
    data: bytes
    reason: str = ""
    detail: int = 0
    ms: float = 0.0

    @property
    def done(self) -> bool:
        return self.status == "completed"


class Refusal(NotDone):
    """The board refused a command or failed in it. reply: what it said."""

    def __init__(self, text: str, reply: Reply) -> None:
        super().__init__(text)
        self.reply = reply


class SlotStatus(NamedTuple):
    """One key slot of a board. state: of core.keys.STATES; next: sequence; challenge: empty unless closed."""

    slot: int
    state: str
    generation: int
    next: int
    challenge: bytes


class Commander:
    """Commands board `role` over `channel`. key: signs what a board wants signed.

    Waits are in seconds of wall time. UserError: no such board.
    """

    def __init__(
        self, channel: Channel, role: str, key: KeyFile | None = None, timeout_s: float = 1.0, tries: int = 3
    ) -> None:
        self.role = role
        self.dictionary = dictionary(role)
        self.address: int = ports.ADDRESSES[role]
        self.key = key
        self.timeout_s = timeout_s
        self.tries = tries
        self._channel = channel
        self._numbers = itertools.count(int(time.time()) & 0xFFFF)  # of unsigned commands
        self._next: int | None = None  # of signed ones, None until the board told

    # --- what one calls ---

    def call(self, command: str, /, *, done_s: float = 60.0, signed: bool = False, **values: Any) -> Reply:
        """Have it done, and wait for that: done_s after it was accepted. values: raw integers, bytes, str, by name.

        signed: also a command that needs no signature is signed.

        UserError: no such command, a wrong argument, no key; nothing was sent. Refusal: not done. NotDone: no answer.
        """
        line = command_line(self.dictionary, command)
        return self._send(line, body(line, values), done_s, signed)

    @property
    def channel(self) -> Any:
        """What carries its packets, for who sends many before he waits."""
        return self._channel

    def skip(self, count: int) -> None:
        """Leave numbers out: after a reset a board goes on up to core.keys' promise of 64 ahead of what was used."""
        if self.key is not None and self._next is not None:
            self._next = min(self._next + count, 0xFFFFFFFF)
            self.key.used(self.role, self._next)

    def refusal(self, command: str, reply: Reply) -> Refusal:
        """The error that a reply is."""
        return self._refusal(command, reply)

    def frame(self, command: str, sport: int, /, **values: Any) -> bytes:
        """A frame as call() sends it, for who sends many before he waits; a signed one takes the next number."""
        line = command_line(self.dictionary, command)
        return self._frame(line, body(line, values), sport)[0]

    def slots(self) -> list[SlotStatus]:
        """The key slots as the board tells them."""
        data = self._send(command_line(self.dictionary, "slots"), b"\x60", 0.0).data
        found: list[SlotStatus] = []
        for slot in range(len(flight.SLOTS)):
            one = struct.unpack_from(flight.STATUS, data, slot * flight.STATUS_SIZE)
            found.append(SlotStatus(slot, flight.STATES[one[0]], *one[1:]))
        return found

    def refusals(self) -> tuple[int, dict[str, int]]:
        """Commands done since the board's boot, and those refused or failed, by reason."""
        data = self._send(command_line(self.dictionary, "refusals"), b"\x61", 0.0).data
        done, _, *counts = struct.unpack(f">II{table.COUNTED}H", data)
        names = ((line[1], counts[line[0]]) for line in table.REASONS)
        return done, {name: count for name, count in names if count}

    def recover(self) -> SlotStatus | None:
        """Open the key's slot if it is closed; its status before that, None when it was open."""
        key = self._key("slot_recover")
        status = self.slots()[key.slot]
        if status.state != "closed":
            return None
        # beyond every number that was used, also when both lost count: on average less than one a second is
        following = max(status.next, key.next(self.role), int(time.time()))
        line = command_line(self.dictionary, "slot_recover")
        arguments_ = body(line, {"next": following, "challenge": status.challenge})
        sport = self._channel.port()
        signed = key.sign(self.role, self._channel.address, ports.COMMAND, sport, following, arguments_)
        reply = self._exchange(signed, line[0], following, sport, 0.0)
        if reply.done:
            key.used(self.role, following)
        elif reply.reason != "state":  # that: an answer was lost, and it is open by now
            raise self._refusal(line[1], reply)
        self._next = None
        return status

    # --- how ---

    def _send(self, line: tuple[Any, ...], packed: bytes, done_s: float, sign: bool = False) -> Reply:
        attempt = 0
        while True:
            attempt += 1
            sport = self._channel.port()
            frame, number = self._frame(line, packed, sport, sign)
            reply = self._exchange(frame, line[0], number, sport, done_s)
            signed = frame[0] != commands.UNSIGNED_SLOT
            if signed and self.key is not None:
                self.key.used(self.role, number + 1)
            if reply.done:
                return reply
            if not signed or attempt == 3 or reply.reason not in ("closed", "old", "ahead", "repeated"):
                raise self._refusal(line[1], reply)
            if reply.reason == "closed":
                self.recover()
            self._next = None

    def _frame(self, line: tuple[Any, ...], packed: bytes, sport: int, sign: bool = False) -> tuple[bytes, int]:
        if not sign and line[3] & table.READ and not getattr(self._channel, "signed_only", False):
            number = next(self._numbers) & 0xFFFFFFFF
            return struct.pack(commands.HEADER, commands.UNSIGNED_SLOT, number) + packed, number
        key = self._key(line[1])
        if self._next is None:
            self._next = self._ask_next(key)
        number = self._next
        if number > 0xFFFFFFFF:
            raise UserError(f"{self.role}: slot {key.slot} has used all numbers: rotate its key")
        self._next += 1
        return key.sign(self.role, self._channel.address, ports.COMMAND, sport, number, packed), number

    def _ask_next(self, key: KeyFile) -> int:
        own = key.next(self.role)
        if getattr(self._channel, "signed_only", False):
            return own
        status = self.slots()[key.slot]
        if status.state == "empty":
            raise UserError(f"{self.role} has no key in slot {key.slot} ({flight.SLOTS[key.slot]}): provision it")
        if status.generation != key.generation(self.role):
            have = f"{key.path} has generation {key.generation(self.role)}"
            raise UserError(f"{self.role}: the key in slot {key.slot} is of generation {status.generation}, {have}")
        if status.state == "closed":
            self.recover()
            status = self.slots()[key.slot]
        return max(status.next, key.next(self.role))

    def _exchange(self, frame: bytes, opcode: int, number: int, sport: int, done_s: float) -> Reply:
        """Send until something answers. NotDone: nothing did, or it was accepted and then not heard of."""
        dst, channel = self.address, self._channel
        began_s = time.monotonic()
        for _ in range(self.tries):
            for one in channel.replies(dst, ports.COMMAND, frame, self.timeout_s, sport):
                reply = unpack(one.data, opcode, number, began_s)
                if reply is None:
                    continue
                if reply.status != "accepted":
                    return reply
                for later in channel.listen(dst, ports.COMMAND, sport, done_s):
                    reply = unpack(later.data, opcode, number, began_s)
                    if reply is not None and reply.status != "accepted":
                        return reply
                raise NotDone(f"{self.role} accepted it, and did not tell its end within {done_s:g} s")
        raise NotDone(f"no answer from {self.role}")

    def _key(self, command: str) -> KeyFile:
        if self.key is None:
            raise UserError(f"command {command!r} needs a key: --key FILE ('dragonet key new' makes one)")
        return self.key

    def _refusal(self, command: str, reply: Reply) -> Refusal:
        meaning = next((line[2] for line in table.REASONS if line[1] == reply.reason), "an unknown reason")
        detail = f" ({reply.detail})" if reply.detail else ""
        return Refusal(f"{self.role} {reply.status} {command}: {reply.reason}{detail}: {meaning}", reply)


def unpack(data: bytes, opcode: int, number: int, began_s: float = 0.0) -> Reply | None:
    """A reply's fields, None when it is no reply to this command."""
    if len(data) < commands.REPLY_SIZE:
        return None
    code, sequence, status = struct.unpack_from(commands.REPLY_LAYOUT, data, 0)
    if (code, sequence) != (opcode, number) or status >= len(table.STATUSES):
        return None
    rest = bytes(data[commands.REPLY_SIZE :])
    ms = (time.monotonic() - began_s) * 1000
    if status < table.REFUSED:
        return Reply(table.STATUSES[status], rest, ms=ms)
    if len(rest) < 2:
        return None
    return Reply(table.STATUSES[status], b"", _REASONS.get(rest[0], (str(rest[0]),))[0], rest[1], ms)


def dictionary(role: str) -> Any:
    """The dictionary of a board. UserError: no such board."""
    if role not in ROLES:
        raise UserError(f"board {role!r}: none of {', '.join(ROLES)}")
    return import_module(f"{role}.dictionary").DICTIONARY


def command_line(of: Any, name: str) -> tuple[Any, ...]:
    """A command's line of a dictionary. UserError: there is none of this name."""
    for line in of.commands:
        if line[1] == name:
            return line
    raise UserError(f"{of.role} has no command {name!r}: 'dragonet cmd ls {of.role}' lists them")


def body(line: tuple[Any, ...], values: dict[str, Any]) -> bytes:
    """Opcode and arguments. UserError: which argument is missing, unknown, of a wrong type or out of range."""
    names = [field[0] for field in line[2]]
    for name in values:
        if name not in names:
            raise UserError(f"{line[1]} has no argument {name!r}: {', '.join(names) or 'it takes none'}")
    missing = [name for name in names if name not in values]
    if missing:
        raise UserError(f"{line[1]}: {', '.join(missing)} missing")
    try:
        return bytes((line[0],)) + arguments.pack(line[2], [values[name] for name in names])
    except arguments.BadValue as error:
        field = line[2][error.args[0]]
        raise UserError(f"{line[1]}: {field[0]} must be {wanted(field)}") from None


def wanted(field: tuple[Any, ...]) -> str:
    """What an argument or parameter may be, in its unit."""
    _, kind, unit, scale, low, high = field[:6]
    if kind in ("bytes", "text"):
        what = "text" if kind == "text" else "bytes in hexadecimal"
        return f"{what}, {low or 0} to {high} bytes" if high is not None else what
    lowest, highest = limits(field)
    return f"{lowest * scale:.10g} to {highest * scale:.10g} {unit}".rstrip()


def limits(field: tuple[Any, ...]) -> tuple[int, int]:
    """Lowest and highest raw value of a number's field."""
    kind, low, high = field[1], field[4], field[5]
    lowest, highest = arguments._range(kind, int(kind[1:]) // 8)
    return lowest if low is None else low, highest if high is None else high
