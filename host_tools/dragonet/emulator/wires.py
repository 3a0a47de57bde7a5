"""What hangs on an emulated board's pins and buses: the chip models of the flatsat, run here in the hub's process.

The models ask the same of their board as on a virtual one (boards/unix/lib/twin/board.py), so they are the same code.
"""

from __future__ import annotations

import importlib
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from dragonet import paths
from dragonet.emulator import chip as emulated
from dragonet.errors import UserError
from dragonet.flatsat.board_files import board_module
from dragonet.flatsat.costs import COSTS

paths.use_firmware()
if str(paths.VIRTUAL_BOARD) not in sys.path:
    sys.path.append(str(paths.VIRTUAL_BOARD))

from twin.board import Board  # noqa: E402  # pyright: ignore[reportMissingImports]
from twin.kernel import NEVER, Kernel  # noqa: E402  # pyright: ignore[reportMissingImports]

if TYPE_CHECKING:
    Board: Any
    Kernel: Any

_ADC_FIRST_PIN = 26
_ADC_LSB_V = 3.3 / 4095
_DEVICES = "dragonet.flatsat.devices"
_PINS_PER_SPI = 8  # GPIO 0 to 7 are SPI 0's, 8 to 15 SPI 1's, and so on in turn (RP2040 datasheet, table 2)


class _Time(Kernel):
    """The models' clock, which follows the chip's: microseconds since power-on. limit: the chip must stop there."""

    def __init__(self) -> None:
        super().__init__(COSTS)
        self.limit = NEVER

    def stop_at(self, time_us: int) -> None:
        self.limit = min(self.limit, time_us)

    def next(self) -> int:
        """When something is due, NEVER = nothing is."""
        return self._heap[0][0] if self._heap else NEVER

    def pass_to(self, time_us: int) -> None:
        """Let all that is due until then happen, each at its time."""
        while self._heap and self._heap[0][0] <= time_us:
            self.now = max(self.now, self._heap[0][0])
            self._run_due()
        self.now = max(self.now, time_us)


class Wires(Board):
    """role: whose chips and pins. world: see flatsat/devices/world.py. folder: where memories live.

    tell(kind, data) reaches the chip; record(us, kind, data) is what leaves the board, for the hub.
    """

    def __init__(
        self,
        role: str,
        world: list[float],
        seed: int,
        folder: Path,
        tell: Callable[[int, bytes], None],
        record: Callable[[int, int, bytes], None],
    ) -> None:
        super().__init__(role, world, seed, files=str(folder))
        self.kernel = _Time()
        self.at = self.kernel.at
        self._tell = tell
        self._record = record
        self._driven = -1  # the pin whose new level came from the chip itself
        pins = rp2_pins(role)
        _wire(self, role, pins)
        self.uart_number = getattr(pins, "AIS_RX", 0) // 4 + 1 >> 1 & 1
        for number, wire in self._wires.items():
            wire.pin_irq = lambda level, number=number: self._to_chip(number, level)
            if not wire.attached and wire.level >= 0:
                self._to_chip(number, wire.level)

    def _to_chip(self, number: int, level: int) -> None:
        if number != self._driven:
            self._tell(emulated.PIN, bytes((number, level)))

    def emit(self, kind: int, data: bytes) -> None:
        """A record for the hub, stamped now."""
        self._record(self.kernel.now, kind, bytes(data))

    def deliver(self, time_us: int, kind: int, data: bytes) -> None:
        """A record from the hub."""
        self._deliver(time_us, kind, data)

    def set_world(self, world: list[float]) -> None:
        """The newest truth."""
        self.world[:] = world
        for wire, channel in self._switches:
            wire.drive(1 if world[channel] else 0)

    def ask(self, kind: int, data: bytes) -> bytes:
        """The answer to a question of the chip, at kernel.now."""
        if kind == emulated.ASKS_SPI:
            return self._spi(data[0], data[1:])
        if kind == emulated.ASKS_PIN:
            return self._pin(data[0], data[1])
        if kind == emulated.ASKS_ADC:
            return self._adc(data[0])
        device = self.i2c_buses.get(data[0], {}).get(data[1])
        if device is None or getattr(device, "dead", False):
            return b"\0"
        try:
            if kind == emulated.ASKS_I2C_READ:
                return bytes((self._i2c_read(device, data[2]),))
            if kind == emulated.ASKS_I2C_WRITE:
                device.write(bytes(data[2:]))
        except OSError:
            return b"\0"  # no acknowledge
        return b"\1"

    def _spi(self, bus: int, out: bytes) -> bytes:
        into = bytearray(b"\xff" * len(out))
        for wire, device in self.spi_buses.get(bus, ()):
            if wire.level == 0:
                device.transfer(out, into)
                break
        return bytes(into)

    def _pin(self, number: int, level: int) -> bytes:
        if level != emulated.RELEASED:
            self._driven = number
            self.wire(number).set(level)
            self._driven = -1
        return b""

    def _adc(self, channel: int) -> bytes:
        volts = self.analog.get(_ADC_FIRST_PIN + channel, lambda: 0.0)() + self.noise() * 0.0008  # 1 LSB, 4.9.3
        return struct.pack("<H", min(4095, max(0, int(volts / _ADC_LSB_V + 0.5))))

    def _i2c_read(self, device: Any, index: int) -> int:
        if hasattr(device, "read_byte"):
            return device.read_byte(index)
        one = bytearray(1)
        device.readinto(one)
        return one[0]


def rp2_pins(role: str) -> ModuleType:
    """boards/<role>/pins_rp2.py, with CAN_SPI, which the models' wiring wants to know."""
    pins = board_module(role, "pins_rp2")
    if hasattr(pins, "CAN_SCK"):
        pins.CAN_SPI = pins.CAN_SCK // _PINS_PER_SPI % 2  # pyright: ignore[reportAttributeAccessIssue]
    return pins


def _wire(env: Wires, role: str, pins: ModuleType) -> None:
    """Run the models' wiring, which imports its board's tables by the names `parts` and `pins`."""
    modules = {"parts": board_module(role, "parts"), "pins": pins}
    own = [f"{_DEVICES}.{name}" for name in ("wiring", "wiring_can", f"wiring_{role}")]
    before = {name: sys.modules.pop(name, None) for name in (*modules, *own)}
    sys.modules.update(modules)
    try:
        for name in (f"wiring_{role}", "wiring_can"):
            importlib.import_module(f"{_DEVICES}.{name}").wire(env)
    except (ImportError, AttributeError) as error:
        raise UserError(f"board {role} cannot be emulated: boards/{role}/pins_rp2.py does not fit: {error}") from None
    finally:
        for name, module in before.items():
            sys.modules.pop(name, None)
            if module is not None:
                sys.modules[name] = module
