"""What takes time at the prompt of a role's image, measured on the emulated RP2040 by emulator/prompt_scripts.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Self

from dragonet import toolchain
from dragonet.emulator import chip as emulated
from dragonet.emulator import flash
from dragonet.emulator import prompt_scripts as scripts
from dragonet.emulator.repl import STOP_WATCHDOG, UID, Repl
from dragonet.emulator.wires import Wires
from dragonet.errors import UserError
from dragonet.flatsat.devices.world import CHANNELS

_ROLE = "beacon"  # it has radio, ADC and both MCP2515
_ALL_PINS = (1 << 30) - 1
_I2C_BYTE_US = 9 * 2.5  # on the wires, at 400 kHz: virtual boards charge it themselves


def measure(folder: Path, step: Callable[[str], None]) -> dict[str, float]:
    """Microseconds by the name of the cost."""
    found: dict[str, float] = {}
    with _Bench(folder / "prompt", _ROLE) as bench:
        for name, code in scripts.CALLS.items():
            step(name)
            found[name] = bench.once(code) if name in scripts.ONCE else bench.number(code)
        step("uart_byte")
        found["uart_byte"] = bench.uart_byte()
    with _Bench(folder / "prompt-eps", "eps") as bench:
        bench.number(scripts.CALLS["i2c_transfer"])
        for name, code in scripts.EPS_CALLS.items():
            step(name)
            found[name] = bench.number(code)
    return found


class _Bench:
    """The role's board at its prompt, its chips on their wires."""

    def __init__(self, folder: Path, role: str) -> None:
        folder.mkdir()
        path = folder / "flash.bin"
        flash.prepare(path, toolchain.image(role), {}, flash.DRAGONET_FILES)
        self._repl = Repl(path, self._asked)
        world = [0.0] * len(CHANNELS[role])
        self._wires = Wires(role, world, 1, folder, self._repl.chip.tell, lambda us, kind, data: None)
        self._i2c_bytes = 0

    def __enter__(self) -> Self:
        try:
            self._repl.chip.power_on(_ALL_PINS, UID)
            self._repl.to_prompt(5.0)
            self._repl.execute(STOP_WATCHDOG)
            self._repl.execute(scripts.BEGIN)
        except BaseException:
            self._repl.chip.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._repl.chip.close()

    def _asked(self, at: float, kind: int, data: bytes) -> bytes:
        self._wires.kernel.pass_to(int(at / 1000))
        if kind == emulated.ASKS_I2C_WRITE:
            self._i2c_bytes += len(data) - 2
        elif kind in (emulated.ASKS_I2C_READ, emulated.ASKS_I2C_PROBE):
            self._i2c_bytes += 1
        return self._wires.ask(kind, data)

    def number(self, code: str) -> float:
        return float(self._repl.execute(code + "\nprint(us)\n"))

    def once(self, code: str) -> float:
        """As number(), of code that runs once, without its I2C transfers."""
        before = self._i2c_bytes
        return self.number(code) - (self._i2c_bytes - before) * _I2C_BYTE_US

    def uart_byte(self) -> float:
        """Microseconds that each received byte takes from the program."""
        code = scripts.UART % (1, 24, 25)
        quiet, _ = map(int, self._repl.execute(code).split())
        self._repl.start(code)
        self._repl.chip.tell(emulated.UART, bytes((1,)) + b"U" * 600)
        spent, got = map(int, self._repl.finish(30.0).split())
        if not got:
            raise UserError("the emulated board received nothing by its UART")
        return (spent - quiet) / got
