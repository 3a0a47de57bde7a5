"""The I2C wires between boards: several controllers and targets, arbitration, clock stretching (NXP UM10204).

A controller is a machine.I2C of a board, a target its machine.I2CTarget; the layouts of their records stand in
boards/unix/lib/twin/i2c_wires.py. A board waits inside its transfer until this bus answers, its time-out at the latest.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from dragonet.flatsat.costs import COSTS
from dragonet.flatsat.devices import records
from dragonet.flatsat.hub import Hub
from dragonet.flatsat.virtual_board import VirtualBoard

OK, NACK, LOST, TIMEOUT = range(4)
_STATUS = ("ok", "nack", "lost", "timeout")
_NOBODY = 0xFFFF
_FIFO_BYTES = 16  # RP2040 datasheet 4.3: what a target takes before its processor has to look
_TOGETHER_US = 1  # a START is not seen by another controller that begins within tHD;STA, 0.6 us
_ADDRESS_BITS, _BYTE_BITS, _STOP_BITS = 10, 9, 1  # START with address and acknowledge; byte and acknowledge


class Seen(NamedTuple):
    """A transfer as a listener sees it; data: written or read."""

    address: int
    reads: bool
    data: bytes
    acknowledged: bool


@dataclass(eq=False)
class Controller:
    """done(sequence, status, data read) ends its transfer."""

    name: str
    done: Callable[[int, int, bytes], None]


@dataclass(eq=False)
class Target:
    """request(time us, transfer, data written or None, bytes to read) reaches its interrupt; answered by served()."""

    name: str
    address: int
    bytewise: bool  # a handler in Python runs for each byte
    request: Callable[[int, int, bytes | None, int], None]
    unserved: set[int] = field(default_factory=set)  # transfers that its processor has not taken out of the FIFO yet
    full: bool = False  # nobody reads its FIFO


@dataclass(eq=False)
class Transfer:
    """read: bytes to read, None = a write of `data`. stop: ends with STOP, else the bus is kept."""

    controller: Controller
    sequence: int
    address: int
    data: bytes
    read: int | None
    stop: bool
    bit_ns: int
    ready_us: int
    limit_us: int
    number: int = 0
    start_us: int = 0
    end_us: int = 0
    cut: bool = False  # its end never came
    awaited: list[Target] = field(default_factory=list)  # targets that hold the clock until they are served

    @property
    def wire(self) -> bytes:
        """What the controller drives: the address with its direction, then the data. 0 wins over 1 on the wire."""
        return bytes((self.address << 1 | (self.read is not None),)) + self.data

    def bits_us(self, bits: int) -> int:
        return -(-bits * self.bit_ns // 1000)


class I2cBus:
    """Of several targets at one address all take what is written, and the first answers a read."""

    def __init__(self, hub: Hub) -> None:
        self.counts = dict.fromkeys(_STATUS, 0)
        self.listeners: list[Callable[[int, Seen], None]] = []
        self._hub = hub
        self._targets: list[Target] = []
        self._waiting: list[Transfer] = []
        self._current: list[Transfer] = []  # several, if they drive the same bits to their end
        self._kept_by: Controller | None = None  # it ended a transfer without STOP
        self._stuck: set[str] = set()  # boards that hold SDA low
        self._planned_us = -1
        self._free_us = 0
        self._number = 0

    # --- who is there ---

    def attach(self, target: Target) -> None:
        self._targets.append(target)

    def detach(self, target: Target) -> None:
        """Its peripheral or its board is gone; the clock it held is free, its acknowledge fails."""
        self._targets.remove(target)
        for transfer in list(self._current):
            if target in transfer.awaited:
                self._finish(transfer, NACK)

    def board_off(self, name: str) -> None:
        """A dead board drives no wire: nothing of it is left on the bus."""
        self._stuck.discard(name)
        if self._kept_by is not None and self._kept_by.name == name:
            self._kept_by = None
        self._waiting = [one for one in self._waiting if one.controller.name != name]
        for transfer in list(self._current):
            if transfer.controller.name == name:
                self._current.remove(transfer)
                transfer.cut = True
                self._free_us = self._hub.now_us
        for target in [one for one in self._targets if one.name == name]:
            self.detach(target)
        self._plan(self._hub.now_us)

    def stick(self, name: str, stuck: bool) -> None:
        """A target of this board holds SDA low, until its board is off, is reset, or this ends it."""
        (self._stuck.add if stuck else self._stuck.discard)(name)
        self._plan(self._hub.now_us)

    # --- the wires ---

    def begin(self, transfer: Transfer) -> None:
        self._number += 1
        transfer.number = self._number
        self._waiting.append(transfer)
        self._hub.at(transfer.limit_us, lambda: self._expire(transfer))
        self._plan(transfer.ready_us)

    def _plan(self, time_us: int) -> None:
        time_us = max(time_us, self._free_us, self._hub.now_us)
        if not self._current and (self._planned_us < 0 or time_us < self._planned_us):
            self._planned_us = time_us
            # whoever begins within the same microsecond has told the hub by then
            self._hub.at(time_us + _TOGETHER_US, lambda: self._arbitrate(time_us))

    def _arbitrate(self, start_us: int) -> None:
        if start_us != self._planned_us or self._current:
            return
        self._planned_us = -1
        if self._stuck:
            return
        mine = [one for one in self._waiting if self._kept_by in (None, one.controller)]
        ready = [one for one in mine if one.ready_us <= start_us + _TOGETHER_US]
        if not ready:
            if mine:
                self._plan(min(one.ready_us for one in mine))
            return
        best = min(one.wire for one in ready)
        bit_ns = max(one.bit_ns for one in ready)  # SCL is low as long as any of them holds it
        for transfer in ready:
            self._waiting.remove(transfer)
            transfer.start_us, transfer.bit_ns = start_us, bit_ns
            if transfer.wire == best:
                self._current.append(transfer)
            else:
                bits = 1 + _BYTE_BITS * _common(transfer.wire, best) + 8
                self._hub.at(start_us + transfer.bits_us(bits), lambda lost=transfer: self._tell(lost, LOST, b""))
        self._kept_by = None
        self._run(self._current[0])

    def _run(self, transfer: Transfer) -> None:
        """Address and data of the transfer that won go over the wires; who drives the same bits shares its end."""
        start = transfer.start_us
        targets = [one for one in self._targets if one.address == transfer.address]
        if not targets:
            self._at_end(transfer, start + transfer.bits_us(_ADDRESS_BITS + _STOP_BITS), NACK)
            return
        if transfer.read is not None:
            targets = targets[:1]
            transfer.awaited = list(targets)
            at_us = start + transfer.bits_us(_ADDRESS_BITS)
            self._request(targets[0], transfer, at_us)
            return
        size = len(transfer.data)
        transfer.end_us = start + transfer.bits_us(_ADDRESS_BITS + _BYTE_BITS * size + _STOP_BITS)
        for target in targets:
            # its processor works while bytes come in: it has taken the last one when it has taken each in its time
            work_us = size * (COSTS["i2c_target_byte"] + (COSTS["hard_interrupt"] if target.bytewise else 0))
            first_us = start + transfer.bits_us(_ADDRESS_BITS + _BYTE_BITS)
            if size > _FIFO_BYTES or target.unserved or target.full:
                transfer.awaited.append(target)
            self._request(target, transfer, max(first_us, transfer.end_us - work_us))
        if not transfer.awaited:
            self._at_end(transfer, transfer.end_us, OK)

    def _request(self, target: Target, transfer: Transfer, at_us: int) -> None:
        target.unserved.add(transfer.number & 0xFF)
        data = None if transfer.read is not None else transfer.data
        self._hub.at(at_us, lambda: self._reach(target, transfer, data))

    def _reach(self, target: Target, transfer: Transfer, data: bytes | None) -> None:
        if target in self._targets and not transfer.cut:
            target.request(self._hub.now_us, transfer.number & 0xFF, data, transfer.read or 0)
        else:
            target.unserved.discard(transfer.number & 0xFF)

    def served(self, target: Target, number: int, time_us: int, early_us: int, data: bytes, held: bool) -> None:
        """A target's processor has taken, or given, the bytes of a transfer. held: it never will."""
        target.unserved.discard(number)
        target.full = held
        for transfer in self._current:
            if target not in transfer.awaited or transfer.number & 0xFF != number or held:
                continue
            transfer.awaited.remove(target)
            if transfer.read is not None:
                end_us = time_us + transfer.bits_us(_BYTE_BITS * transfer.read + _STOP_BITS)
                transfer.data = data
            else:
                end_us = max(transfer.end_us, time_us - early_us)
            transfer.end_us = end_us
            if not transfer.awaited:
                self._at_end(transfer, end_us, OK)

    # --- ends ---

    def _at_end(self, transfer: Transfer, time_us: int, status: int) -> None:
        self._hub.at(time_us, lambda: self._finish(transfer, status))

    def _finish(self, transfer: Transfer, status: int) -> None:
        if transfer not in self._current:
            return
        together, self._current = self._current, []
        transfer.cut = status != OK
        self._free_us = self._hub.now_us
        if status == OK and not transfer.stop:
            self._kept_by = transfer.controller
        for one in together:
            self._tell(one, status, transfer.data if transfer.read is not None and status == OK else b"")
        data = transfer.data if status == OK else b""  # not acknowledged, the address is all that was on the wires
        for listener in self.listeners:
            listener(self._hub.now_us, Seen(transfer.address, transfer.read is not None, data, status == OK))
        self._plan(self._free_us)

    def _expire(self, transfer: Transfer) -> None:
        """Bus busy, or the clock held, for longer than the controller waits."""
        if transfer in self._waiting:
            self._waiting.remove(transfer)
            self._tell(transfer, TIMEOUT, b"")
        elif transfer in self._current:
            self._finish(transfer, TIMEOUT)

    def _tell(self, transfer: Transfer, status: int, data: bytes) -> None:
        self.counts[_STATUS[status]] += 1
        if status != OK and self._kept_by is transfer.controller:
            self._kept_by = None
        transfer.controller.done(transfer.sequence, status, data)


def _common(one: bytes, other: bytes) -> int:
    """Bytes that both begin with."""
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


_TRANSFER = struct.Struct("<BBBBBHII")
_SERVED = struct.Struct("<BBBI")


def connect_board(bus: I2cBus, board: VirtualBoard) -> None:
    """Join the records of a board's peripherals to the bus."""
    hub = board.hub
    targets: dict[int, Target] = {}
    controllers: dict[int, Controller] = {}

    def controller(peripheral: int) -> Controller:
        if peripheral not in controllers:

            def done(sequence: int, status: int, data: bytes) -> None:
                board.post(hub.now_us, records.I2C_DONE, bytes((peripheral, sequence, status)) + data)

            controllers[peripheral] = Controller(board.role, done)
        return controllers[peripheral]

    def target(time_us: int, data: bytes) -> None:
        peripheral, address, bytewise = struct.unpack("<BHB", data)
        before = targets.get(peripheral)
        if before is not None and before.address == address:
            before.bytewise = bool(bytewise)
            return
        if before is not None:
            bus.detach(targets.pop(peripheral))
        if address == _NOBODY:
            return

        def request(at_us: int, number: int, written: bytes | None, read: int) -> None:
            head = struct.pack("<BBBH", peripheral, number, written is None, read)
            board.post(at_us, records.I2C_REQUEST, head + (written or b""))

        targets[peripheral] = Target(board.role, address, bool(bytewise), request)
        bus.attach(targets[peripheral])

    def transfer(time_us: int, data: bytes) -> None:
        peripheral, sequence, address, reads, stop, count, bit_ns, timeout_us = _TRANSFER.unpack_from(data)
        out = data[_TRANSFER.size :]
        begun = Transfer(
            controller(peripheral), sequence, address, out, count if reads else None, bool(stop), bit_ns,
            time_us, time_us + timeout_us,
        )  # fmt: skip
        bus.begin(begun)

    def served(time_us: int, data: bytes) -> None:
        peripheral, number, held, early_us = _SERVED.unpack_from(data)
        if peripheral in targets:
            bus.served(targets[peripheral], number, time_us, early_us, data[_SERVED.size :], bool(held))

    def off() -> None:
        bus.board_off(board.role)
        targets.clear()

    board.handlers[records.I2C_TARGET] = target
    board.handlers[records.I2C_TRANSFER] = transfer
    board.handlers[records.I2C_SERVED] = served
    board.on_off.append(off)
