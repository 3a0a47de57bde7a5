"""Laboratory instruments of a bench by VISA: the supply that stands for the battery, and the solar-array simulator.

Commands are SCPI-99 (volume 2: VOLT, CURR, OUTP, MEAS, INST:NSEL) as laboratory supplies have it; the array's are those
of Keysight's E4360 modular solar-array simulators (Programmer's Guide, "SAS mode"). Each setting is read back, and the
instrument's error queue is asked. No instrument was at hand: tests run it against pyvisa-sim.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

from dragonet.bench import tables
from dragonet.errors import UserError

_TIMEOUT_MS = 2000
_OPEN_MS = 5000
_STEP_V, _STEP_A = 0.011, 0.011  # what a setting may be rounded to


class Instrument:
    """An open VISA resource. UserError: not installed, nobody there, silent, or it complains."""

    def __init__(self, resource: str, backend: str = "@py") -> None:
        self.resource = resource
        try:
            import pyvisa
        except ImportError:
            raise UserError(
                f"{resource}: pyvisa is not installed: {sys.executable} -m pip install 'dragonet[instruments]'"
            ) from None
        self._errors: tuple[type[Exception], ...] = (pyvisa.Error, OSError, ValueError)
        self._manager: Any = None
        try:
            self._manager = pyvisa.ResourceManager(backend)
            self._io: Any = self._manager.open_resource(resource, open_timeout=_OPEN_MS)
            self._io.timeout = _TIMEOUT_MS
            self._io.read_termination = self._io.write_termination = "\n"
        except Exception as error:  # a back end raises what its libraries raise
            self.close()
            raise UserError(f"{resource}: cannot be opened: {_one_line(error)}") from None
        self.name = self.ask("*IDN?")
        if not self.name:
            self.close()
            raise UserError(f"{resource}: nobody answers *IDN?: is this its address, and is it on?")

    def close(self) -> None:
        if self._manager is not None:
            with contextlib.suppress(*self._errors):
                self._manager.close()

    def ask(self, question: str) -> str:
        try:
            return self._io.query(question).strip()
        except self._errors as error:
            raise UserError(f"{self.resource}: no answer to {question}: {_one_line(error)}") from None

    def number(self, question: str) -> float:
        answer = self.ask(question)
        try:
            return float(answer)
        except ValueError:
            raise UserError(f"{self.resource}: {question} is answered by {answer!r}, which is no number") from None

    def tell(self, command: str) -> None:
        """A command; the instrument's error queue must stay empty."""
        try:
            self._io.write(command)
        except self._errors as error:
            raise UserError(f"{self.resource}: does not take {command}: {_one_line(error)}") from None
        error = self.ask("SYST:ERR?")
        if not error.lstrip("+").startswith("0"):
            raise UserError(f"{self.resource}: {command}: the instrument says {error}")

    def set(self, command: str, value: float, step: float) -> None:
        """A setting, which is read back."""
        self.tell(f"{command} {value:.4f}")
        got = self.number(f"{command}?")
        if abs(got - value) > step:
            raise UserError(f"{self.resource}: {command} {value:.4f} became {got:g}: out of its range")


class Supply:
    """One output of a supply. It is switched on at once, at the bench's voltage and current limit."""

    def __init__(self, wanted: tables.Supply) -> None:
        self._io = Instrument(wanted.resource, wanted.backend)
        self.name = self._io.name
        try:
            if wanted.channel > 1:
                self._io.tell(f"INST:NSEL {wanted.channel}")
            self._io.set("VOLT", wanted.volts, _STEP_V)
            self._io.set("CURR", wanted.amps, _STEP_A)
            self.switch(True)
        except UserError:
            self._io.close()
            raise

    def set(self, volts: float) -> None:
        self._io.set("VOLT", volts, _STEP_V)

    def switch(self, on: bool) -> None:
        self._io.tell(f"OUTP {int(on)}")
        if bool(int(self._io.number("OUTP?"))) != on:
            raise UserError(f"{self._io.resource}: its output stays {'off' if on else 'on'}: is it locked, or tripped?")

    def measure(self) -> tuple[float, float]:
        """Volts and amperes at its terminals."""
        return self._io.number("MEAS:VOLT?"), self._io.number("MEAS:CURR?")

    def close(self) -> None:
        """The output stays as it is: a bench keeps its power."""
        self._io.close()


class Array:
    """A solar-array simulator: a curve through open circuit, maximum power point and short circuit."""

    def __init__(self, wanted: tables.Array) -> None:
        self._wanted = wanted
        self._io = Instrument(wanted.resource, wanted.backend)
        self.name = self._io.name
        self._io.tell("CURR:MODE SAS")
        self.light(1.0)

    def light(self, share: float) -> None:
        """Sunlight, 0 (eclipse: the output is off) to 1. UserError: out of range."""
        if not 0.0 <= share <= 1.0:
            raise UserError(f"sunlight of {share:g}: 0 to 1")
        if share == 0.0:
            self._io.tell("OUTP 0")
            return
        wanted = self._wanted
        self._io.set("CURR:SAS:ISC", wanted.short_a * share, _STEP_A)
        self._io.set("CURR:SAS:IMP", wanted.peak_a * share, _STEP_A)
        self._io.set("VOLT:SAS:VOC", wanted.open_v, _STEP_V)
        self._io.set("VOLT:SAS:VMP", wanted.peak_v, _STEP_V)
        self._io.tell("OUTP 1")

    def measure(self) -> tuple[float, float]:
        return self._io.number("MEAS:VOLT?"), self._io.number("MEAS:CURR?")

    def close(self) -> None:
        self._io.close()


@contextlib.contextmanager
def opened(found: tables.Tables) -> Iterator[tuple[Supply | None, Array | None]]:
    """What the bench file names."""
    with contextlib.ExitStack() as stack:
        supply = Supply(found.supply) if found.supply else None
        if supply is not None:
            stack.callback(supply.close)
        array = Array(found.array) if found.array else None
        if array is not None:
            stack.callback(array.close)
        yield supply, array


def _one_line(error: object) -> str:
    text = " ".join(str(error).split()) or error.__class__.__name__
    return text if len(text) <= 200 else f"{text[:197]}..."
