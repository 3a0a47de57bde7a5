"""The tables of a bench file beside its boards: flatsat, bus, instruments, radio, AIS, and what its checks may take.

tests/hil/README.md explains them; KEYS says what each holds. A table that is missing: the bench lacks it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dragonet.bench.benchfile import Bench
from dragonet.errors import UserError
from dragonet.flatsat import scenario_keys as keys
from dragonet.flatsat.scenario_keys import setting


@dataclass(frozen=True)
class Flatsat:
    """[flatsat]: boards reached by "unix", "flight" or "emulated" fly in one, as fast as it can."""

    scenario: str = setting("nanodragon", "", "built-in scenario, or a file")
    seed: int = setting(1, "", "of the flight", 0, 2**31 - 1)
    powered_s: int = setting(4600, "s", "powered time since separation in the boards' records: holds over", 0, 10**8)


@dataclass(frozen=True)
class Bus:
    """[bus]: the second CAN bus. The first is the bench's `via`."""

    b: str = setting("", "", "CAN B, as `dragonet bus --via`")
    gap_us: int = setting(0, "us", "between the bench's frames, for boards that take them slower", 0, 100_000)


@dataclass(frozen=True)
class Supply:
    """[supply]: the laboratory supply that stands for the battery."""

    resource: str = setting("", "", "VISA resource, as TCPIP::192.168.1.5::INSTR", required=True)
    backend: str = setting("@py", "", "VISA library: @py, @ivi, or a simulation FILE@sim")
    channel: int = setting(1, "", "output", 1, 8)
    volts: float = setting(7.8, "V", "of a healthy pack", 0.0, 60.0)
    amps: float = setting(2.0, "A", "current limit", 0.0, 20.0)


@dataclass(frozen=True)
class Array:
    """[array]: the solar-array simulator, on the panel inputs of the EPS."""

    resource: str = setting("", "", "VISA resource", required=True)
    backend: str = setting("@py", "", "VISA library")
    open_v: float = setting(5.4, "V", "open circuit", 0.0, 200.0)
    short_a: float = setting(0.5, "A", "short circuit", 0.0, 20.0)
    peak_v: float = setting(4.8, "V", "at the maximum power point", 0.0, 200.0)
    peak_a: float = setting(0.47, "A", "at the maximum power point", 0.0, 20.0)


@dataclass(frozen=True)
class Radio:
    """[radio]: sound of receivers, from sound cards or files."""

    fm: str = setting("", "", "FM receiver: an ALSA device such as hw:1,0, or a WAV file")
    cw: str = setting("", "", "SSB receiver with a CW filter: the same")


@dataclass(frozen=True)
class Ais:
    """[ais]: an UART that takes the place of the AIS receiver."""

    port: str = setting("", "", "serial port, or socket://", required=True)


@dataclass(frozen=True)
class Checks:
    """[checks]: what the checks take on this bench."""

    pings: int = setting(100, "", "to each board", 1, 100_000)
    ping_ms: float = setting(30.0, "ms", "longest median of a round trip, adapter included", 1.0, 1000.0)
    lost: float = setting(0.0, "%", "largest share of pings that is lost, and of packets that come damaged", 0.0, 100.0)
    listen_s: float = setting(130.0, "s", "to the beacon", 10.0, 3600.0)
    day_s: float = setting(5700.0, "s", "length of the day in the life", 10.0, 7 * 86400.0)
    update: str = setting("sensor", "", "role that is updated", choices=("eps", "beacon", "sensor"))
    turns: str = setting("", "", "the only role that the checks of one board after another take; default: each in turn")
    skip: str = setting("", "", "checks that are not run here, by name, with commas")
    skip_because: str = setting("", "", "why, for the report")


@dataclass(frozen=True)
class Tables:
    """None: the bench has no such table."""

    flatsat: Flatsat | None = None
    bus: Bus | None = None
    supply: Supply | None = None
    array: Array | None = None
    radio: Radio | None = None
    ais: Ais | None = None
    checks: Checks = dataclasses.field(default_factory=Checks)


KEYS: dict[str, type] = {
    "flatsat": Flatsat, "bus": Bus, "supply": Supply, "array": Array, "radio": Radio, "ais": Ais, "checks": Checks,
}  # fmt: skip


def of(bench: Bench) -> Tables:
    """The tables of a bench file. UserError: unknown table or key, missing or wrong value."""
    where = str(bench.path)
    made: dict[str, Any] = {}
    for name, found in bench.tables.items():
        if name not in KEYS:
            raise UserError(f"{where}: [{name}]: no such table{keys.closest(name, KEYS)}; there are {', '.join(KEYS)}")
        made[name] = _table(KEYS[name], found, where, name)
    return Tables(**made)


def _table(kind: type, found: Mapping[str, Any], where: str, name: str) -> Any:
    fields = {item.name: item for item in dataclasses.fields(kind)}
    values: dict[str, Any] = {}
    for key, value in found.items():
        if key not in fields:
            known = ", ".join(fields)
            raise UserError(f"{where}: {name}.{key}: unknown key{keys.closest(key, fields)}; keys are {known}")
        values[key] = keys.check(value, fields[key], where, f"{name}.{key}")
    for key, item in fields.items():
        if item.metadata.get("required") and not values.get(key):
            raise UserError(f"{where}: {name}: {key} is missing")
    return kind(**values)
