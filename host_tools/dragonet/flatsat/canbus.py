"""A CAN bus: arbitration by identifier, the time each frame takes, acknowledgement, error counters (ISO 11898-1).

Controllers hold the mailboxes of boards; anybody else (a capture, a tool on the host) listens or has a controller too.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from dragonet.flatsat.devices import records
from dragonet.flatsat.devices.can_frames import FLAG_EXT_ID, FLAG_RTR, arbitration_key, frame_bits
from dragonet.flatsat.hub import Hub
from dragonet.flatsat.virtual_board import VirtualBoard

ACTIVE, WARNING, PASSIVE, BUS_OFF = 1, 2, 3, 4  # machine.CAN.STATE_*
_NORMAL, _SLEEP, _LOOPBACK, _SILENT = 0, 1, 2, 3  # machine.CAN.MODE_*
_STOPPED = 255
_RECOVERY_BITS = 128 * 11  # recessive bits a controller waits after bus-off, 12.1.4.4
_ERROR_FRAME_BITS = 6 + 6 + 8 + 3  # flag, echo, delimiter, intermission


class Frame(NamedTuple):
    identifier: int
    flags: int
    data: bytes


@dataclass
class _Mailbox:
    key: int
    ready_us: int
    frame: Frame


@dataclass
class Controller:
    """One node's CAN controller. sent(slot, ok), received(frame, filter) and changed() are how it hears of the bus."""

    name: str
    sent: Callable[[int, bool], None]
    received: Callable[[Frame, int], None]
    changed: Callable[[], None]
    mode: int = _STOPPED
    bitrate: int = 0
    state: int = ACTIVE
    torn_off: bool = False  # its wires to the bus are broken
    tx_errors: int = 0
    rx_errors: int = 0
    active_from_us: int = 0
    filters: list[tuple[int, int, int]] | None = field(default_factory=list)  # None accepts all
    mailboxes: dict[int, _Mailbox] = field(default_factory=dict)

    @property
    def talks(self) -> bool:
        """It can acknowledge and send."""
        return self.mode in (_NORMAL, _LOOPBACK) and self.state != BUS_OFF and not self.torn_off

    def filter(self, frame: Frame) -> int | None:
        """Number of the first filter that lets the frame in, or None."""
        if self.filters is None:
            return 0
        for number, (wanted, mask, flags) in enumerate(self.filters):
            if (frame.identifier ^ wanted) & mask == 0 and not (frame.flags ^ flags) & FLAG_EXT_ID:
                if not flags & FLAG_RTR or frame.flags & FLAG_RTR:
                    return number
        return None


class CanBus:
    """number: as boards name it. error_rate: share of frames that an error on the wire destroys, by the seed."""

    def __init__(self, hub: Hub, number: int, seed: int, error_rate: float) -> None:
        self.number = number
        self.frames = self.errors = self.bits = 0
        self.listeners: list[Callable[[int, Frame], None]] = []
        self.controllers: list[Controller] = []
        self.shorted = False  # no frame gets through
        self._hub = hub
        self._rng = random.Random(f"{seed}/can{number}")
        self._error_rate = error_rate
        self._sending: tuple[Controller, int, _Mailbox] | None = None
        self._planned_us = -1  # arbitration is due then, -1: not planned
        self._free_us = 0  # the bus is idle from here on
        self._unheard: tuple[Controller, ...] = ()  # the set of talkers that found nobody to acknowledge

    @property
    def now_us(self) -> int:
        return self._hub.now_us

    @property
    def bitrate(self) -> int:
        """Of those on the bus, 500,000 bit/s until somebody is."""
        return next((one.bitrate for one in self.controllers if one.bitrate), 500_000)

    # --- nodes ---

    def attach(self, controller: Controller) -> None:
        self.controllers.append(controller)
        self._unheard = ()

    def detach(self, controller: Controller) -> None:
        """Its node is gone; it was stopped before."""
        self.controllers.remove(controller)
        self._unheard = ()

    def start(self, controller: Controller, mode: int, bitrate: int) -> None:
        """Power-on, restart after bus-off, or stop (mode 255)."""
        was_off = controller.state == BUS_OFF
        controller.mode, controller.bitrate = mode, bitrate
        controller.mailboxes.clear()
        controller.state, controller.tx_errors, controller.rx_errors = ACTIVE, 0, 0
        now = self._hub.now_us
        controller.active_from_us = now + (_RECOVERY_BITS * 1_000_000 // bitrate if was_off and bitrate else 0)
        if mode == _STOPPED:
            controller.filters = []
        self._unheard = ()
        self._plan(max(now, self._free_us))

    def send(self, controller: Controller, slot: int, frame: Frame, time_us: int) -> None:
        key = arbitration_key(frame.identifier, frame.flags)
        controller.mailboxes[slot] = _Mailbox(key, max(time_us, controller.active_from_us), frame)
        self._plan(max(time_us, self._free_us))

    def cancel(self, controller: Controller, slot: int) -> None:
        """Takes a frame out of its mailbox unless it is on the wire."""
        mailbox = controller.mailboxes.get(slot)
        if mailbox is not None and (self._sending is None or self._sending[2] is not mailbox):
            del controller.mailboxes[slot]
            controller.sent(slot, False)

    def tear_off(self, owner: str, off: bool) -> None:
        """Break or mend the wires between a board and the bus. Off it, its sender finds nobody and turns passive."""
        for controller in self.controllers:
            if controller.name.split(".")[0] == owner:
                controller.torn_off = off
                if off and controller.mailboxes and controller.state < PASSIVE:
                    controller.tx_errors, controller.state = 128, PASSIVE
                    controller.changed()
        self._unheard = ()
        self._plan(max(self._hub.now_us, self._free_us))

    def drive_off(self, owner: str) -> None:
        """Errors at a board's own controller until it leaves the bus: its firmware may restart it."""
        for controller in self.controllers:
            if controller.name.split(".")[0] == owner and controller.mode == _NORMAL:
                self._count(controller, 256 - controller.tx_errors, 0)

    # --- the wire ---

    def _plan(self, time_us: int) -> None:
        if self._sending is None and (self._planned_us < 0 or time_us < self._planned_us):
            self._planned_us = time_us
            self._hub.at(time_us, lambda: self._arbitrate(time_us))

    def _arbitrate(self, planned_us: int) -> None:
        if planned_us != self._planned_us or self._sending is not None:
            return
        self._planned_us = -1
        now = self._hub.now_us
        best: tuple[Controller, int, _Mailbox] | None = None
        later_us = None
        for controller in self.controllers:
            if not controller.mailboxes or not controller.talks:
                continue
            for slot, mailbox in controller.mailboxes.items():
                if mailbox.ready_us > now:
                    later_us = mailbox.ready_us if later_us is None else min(later_us, mailbox.ready_us)
                elif best is None or mailbox.key < best[2].key:
                    best = (controller, slot, mailbox)
        if best is None:
            if later_us is not None:
                self._plan(later_us)
            return
        if self._unheard and self._unheard == self._talkers():
            return  # it would be repeated for ever without effect: wait until somebody comes
        self._sending = best
        frame = best[2].frame
        bits = frame_bits(frame.identifier, frame.flags, frame.data)
        self.bits += bits
        self._hub.at(now + bits * 1_000_000 // best[0].bitrate, self._end)

    def _talkers(self) -> tuple[Controller, ...]:
        now = self._hub.now_us
        return tuple(c for c in self.controllers if c.talks and c.active_from_us <= now)

    def _end(self) -> None:
        assert self._sending is not None
        sender, slot, mailbox = self._sending
        self._sending = None
        now = self._free_us = self._hub.now_us
        if sender.mailboxes.get(slot) is mailbox:  # it has not lost power, stopped or been reset meanwhile
            others = [c for c in self._talkers() if c is not sender]
            if self._broken(sender, others):
                self._free_us = now + _ERROR_FRAME_BITS * 1_000_000 // sender.bitrate
            else:
                del sender.mailboxes[slot]
                self._deliver(sender, slot, mailbox.frame, others)
        self._plan(self._free_us)

    def _broken(self, sender: Controller, others: list[Controller]) -> bool:
        """Counts what went wrong with the frame that just ended; False when it is good."""
        destroyed = self._error_rate and self._rng.random() < self._error_rate
        if destroyed or self.shorted or any(c.bitrate != sender.bitrate for c in others):
            self.errors += 1
            self._count(sender, 8, 0)
            for other in others:
                self._count(other, 0, 1)
            return True
        if not others and sender.mode != _LOOPBACK:
            if sender.state < PASSIVE:  # nobody acknowledged; a passive sender's counter stays, 12.1.4.2
                self.errors += 1
                self._count(sender, 8, 0)
            else:
                self._unheard = self._talkers()
            return True
        return False

    def _deliver(self, sender: Controller, slot: int, frame: Frame, others: list[Controller]) -> None:
        self.frames += 1
        self._count(sender, -1, 0)
        for controller in self.controllers:
            if controller is sender:
                if sender.mode == _LOOPBACK:
                    self._offer(sender, frame)
                continue
            if controller in others:
                self._count(controller, 0, -1)
            elif controller.mode != _SILENT or controller.torn_off:
                continue
            self._offer(controller, frame)
        sender.sent(slot, True)
        for listener in self.listeners:
            listener(self._hub.now_us, frame)

    def _offer(self, controller: Controller, frame: Frame) -> None:
        number = controller.filter(frame)
        if number is not None:
            controller.received(frame, number)

    def _count(self, controller: Controller, tx: int, rx: int) -> None:
        if (tx < 0 and controller.tx_errors == 0) or (rx < 0 and controller.rx_errors == 0) or tx == rx == 0:
            return
        controller.tx_errors = max(0, controller.tx_errors + tx)
        controller.rx_errors = 127 if rx < 0 and controller.rx_errors > 127 else max(0, controller.rx_errors + rx)
        worst = max(controller.tx_errors, controller.rx_errors)
        if controller.tx_errors > 255:
            controller.state = BUS_OFF
            controller.mailboxes.clear()
            self._unheard = ()
        else:
            controller.state = ACTIVE if worst < 96 else WARNING if worst < 128 else PASSIVE
        controller.changed()


def to_send(data: bytes) -> tuple[int, int, Frame]:
    """Bus, slot and frame of a CAN_SEND record: devices/records.py."""
    number, slot, identifier, flags = struct.unpack_from("<BBIB", data)
    return number, slot, Frame(identifier, flags, data[7:])


def connect_board(bus_by_number: dict[int, CanBus], board: VirtualBoard) -> None:
    """Give the board a controller on each bus and join its records to them."""
    controllers: dict[int, Controller] = {}
    for number, bus in bus_by_number.items():
        controllers[number] = _board_controller(bus, board)
        bus.attach(controllers[number])

    def send(time_us: int, data: bytes) -> None:
        number, slot, frame = to_send(data)
        if number in controllers:
            bus_by_number[number].send(controllers[number], slot, frame, time_us)

    def cancel(time_us: int, data: bytes) -> None:
        if data[0] in controllers:
            bus_by_number[data[0]].cancel(controllers[data[0]], data[1])

    def filters(time_us: int, data: bytes) -> None:
        if data[0] in controllers:
            controllers[data[0]].filters = None if data[1] else list(struct.iter_unpack("<IIB", data[2:]))

    def mode(time_us: int, data: bytes) -> None:
        number, mode, bitrate = struct.unpack("<BBI", data)
        if number in controllers:
            bus_by_number[number].start(controllers[number], mode, bitrate)

    def off() -> None:
        for number, controller in controllers.items():
            bus_by_number[number].start(controller, _STOPPED, 0)

    board.handlers[records.CAN_SEND] = send
    board.handlers[records.CAN_CANCEL] = cancel
    board.handlers[records.CAN_FILTERS] = filters
    board.handlers[records.CAN_MODE] = mode
    board.on_off.append(off)


def _board_controller(bus: CanBus, board: VirtualBoard) -> Controller:
    hub = board.hub
    number = bus.number

    def sent(slot: int, ok: bool) -> None:
        board.post(hub.now_us, records.CAN_SENT, bytes((number, slot, ok)))

    def received(frame: Frame, let_in_by: int) -> None:
        head = struct.pack("<BBIB", number, let_in_by, frame.identifier, frame.flags)
        board.post(hub.now_us, records.CAN_RECEIVED, head + frame.data)

    def changed() -> None:
        data = struct.pack("<BBHH", number, controller.state, controller.tx_errors, controller.rx_errors)
        board.post(hub.now_us, records.CAN_STATE, data, wake=controller.state >= WARNING)

    controller = Controller(f"{board.role}.can{number}", sent, received, changed)
    return controller
