"""Hard interrupts of two MCP2515 on one SPI at every bytecode of their driver: run by test_mcp2515_interrupts.py.

usage: interrupt_points.py STRIDE FIRST STEP

Frames come at each bytecode PHASE, PHASE + STRIDE, ... of flight code, for each PHASE from FIRST to STRIDE by STEP.

Soft interrupts run as soon as MicroPython would: between two bytecodes, not within native functions or handlers.
Prints a line of JSON; raises when a frame was lost, came out of order or was not told.
"""

import json
import sys
import time
from types import CodeType, FrameType
from typing import Any

import prepare_unit

import machine
import micropython
import twin

_NATIVE: set[CodeType] = set()


def _native(function: Any) -> Any:
    _NATIVE.add(function.__code__)
    return function


micropython.native = _native
micropython.viper = _native

from can_wire import CanWire  # noqa: E402

from dragonet import paths  # noqa: E402
from dragonet.flatsat.devices.mcp2515 import MCP2515 as Model  # noqa: E402
from drivers.mcp2515 import MCP2515  # noqa: E402
from drivers.mcp2515_chip import talk  # noqa: E402

_FLIGHT_CODE = str(paths.FIRMWARE)
_CS, _INT = (17, 9), (15, 14)
_TX, _RX, _STATE = 1, 2, 8
_FOREIGN, _EXTENDED = 0x1000_0000, 2  # identifiers of what comes by interrupt


class Points:
    """Both chips' wires, and a frame for one of them at each point."""

    def __init__(self, stride: int, phase: int) -> None:
        prepare_unit.before_case()
        self.env = twin.bench()
        self.wire = CanWire(self.env)
        self.stride, self.phase = stride, phase
        self.seen = 0
        self.given: list[list[int]] = [[], []]
        self.got: list[list[int]] = [[], []]
        self.told: list[list[int]] = [[], []]
        spi = machine.SPI(0, baudrate=10_000_000)
        self.cans: list[Any] = []
        for number in (0, 1):
            self.env.spi(0, _CS[number], Model(self.env, number, _INT[number]))
            select = machine.Pin(_CS[number], machine.Pin.OUT, value=1)
            can = MCP2515(spi, select, machine.Pin(_INT[number], machine.Pin.IN), 500_000)
            can.set_filters(None)
            can.irq(self.handler(number), trigger=_TX | _RX | _STATE)
            self.cans.append(can)
        self.wire.look()

    def handler(self, number: int) -> Any:
        def handle(can: Any) -> None:
            flags = can.irq().flags()
            while flags:
                if flags & _TX:
                    self.told[number].append(flags)
                flags = can.irq().flags()
            frame = can.recv()
            while frame is not None:
                if frame[0] >= _FOREIGN:
                    self.got[number].append(frame[0])
                frame = can.recv()

        return handle

    def trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(_FLIGHT_CODE):
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        if event == "opcode":
            self.seen += 1
            if self.seen % self.stride == self.phase:
                number = self.seen // self.stride & 1
                identifier = _FOREIGN + len(self.given[number])
                self.given[number].append(identifier)
                self.env.cans[number].take(identifier, _EXTENDED, b"")
            kernel = self.env.kernel
            if kernel._soft and not kernel._in_handler and frame.f_code not in _NATIVE:
                kernel._run_handlers()
        return self.trace

    def program(self) -> int:
        """What a node's drivers do; the number of frames it sent."""
        sent = 0
        counters = [0] * 8
        for turn in range(6):
            for number, can in enumerate(self.cans):
                for k in range(2):
                    if can.send(0x100 * number + 0x10 * turn + k, b"12345678") is not None:
                        sent += 1
            while self.wire.step():
                pass
            for can in self.cans:
                can.state()
                can.get_counters(counters)
                slot = can.send(0x300, b"")
                if slot is not None:
                    sent += 1
                    can.cancel_send(slot)
        time.sleep_ms(1)
        return sent


def fly(stride: int, phase: int) -> Points:
    points = Points(stride, phase)
    sys.settrace(points.trace)
    try:
        sent = points.program()
    finally:
        sys.settrace(None)
    points.wire.run()
    time.sleep_ms(5)
    overruns = [can.get_counters()[7] for can in points.cans]
    assert points.got == points.given, f"{phase}: given {points.given}, got {points.got}, overruns {overruns}"
    assert sum(len(told) for told in points.told) == sent, f"{phase}: {sent} sent, told {points.told}"
    assert not talk.busy and not talk.knocked and talk.late is None and talk.inside == 0, phase
    assert [points.env.wire(number).level for number in _INT] == [1, 1], phase
    return points


def main() -> None:
    stride, first, step = (int(word) for word in sys.argv[1:])
    flown = [fly(stride, phase) for phase in range(first, stride, step)]
    given = sum(len(each) for points in flown for each in points.given)
    print(json.dumps({"bytecodes": flown[0].seen, "flown": len(flown), "frames": given}))


main()
