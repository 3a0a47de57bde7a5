"""A scenario: what flies, from where, with what luck. Read from TOML, every key checked.

The dataclasses of scenario_sections.py are the one table of keys.
scenarios/README.md is generated from them by `python -m dragonet.flatsat.scenario`.
"""

from __future__ import annotations

import dataclasses
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from dragonet.errors import UserError
from dragonet.flatsat import scenario_keys as keys
from dragonet.flatsat.physics import tle as tle_file
from dragonet.flatsat.scenario_sections import (
    FIRST_DAY,
    LAST_DAY,
    Body,
    Can,
    Clock,
    Fault,
    Mission,
    Orbit,
    Ships,
    Station,
)

FOLDER = Path(__file__).parent / "scenarios"
TLE_REACH_DAYS = 14.0  # SGP4 errs 1-3 km a day; farther from its epoch an element set tells nothing of passes


@dataclass(frozen=True)
class Scenario:
    """What flies. `source` is the file or built-in name it came from; `notes` are remarks to show the user."""

    source: str
    mission: Mission
    orbit: Orbit
    spacecraft: Body
    stations: tuple[Station, ...]
    ships: Ships
    clock: Clock
    can: Can
    faults: tuple[Fault, ...]
    elements: tle_file.Tle | None = None
    notes: tuple[str, ...] = ()

    @property
    def separation(self) -> datetime:
        """Mission time zero, UTC."""
        return self.mission.separation

    def utc(self, mission_s: float) -> datetime:
        """Mission time to UTC."""
        return self.mission.separation + timedelta(seconds=mission_s)

    def with_hours(self, hours: float) -> Scenario:
        """The same, of another length. UserError when out of range."""
        checked = keys.check(hours, _fields(Mission)["hours"], "--hours", "hours")
        return self._changed(mission=dataclasses.replace(self.mission, hours=checked))

    def with_tle(self, path: str | Path) -> Scenario:
        """The same satellite on the orbit of a TLE file. UserError: unreadable.

        When the elements are too old or too new for the scenario's separation, the flight starts at their epoch
        instead, and `notes` says so.
        """
        elements = tle_file.read(Path(path), self.orbit.satellite)
        changed = self._changed(orbit=dataclasses.replace(self.orbit, tle=str(path)), elements=elements)
        if abs(elements.epoch - self.separation) <= timedelta(days=TLE_REACH_DAYS):
            return changed
        start = elements.epoch.replace(microsecond=0)
        _check_separation(start, str(path), "epoch")
        note = (
            f"{path}: elements of {start:%Y-%m-%d}, {TLE_REACH_DAYS:.0f} days or more from the scenario's separation:"
            " the flight starts at their epoch"
        )
        return changed._changed(mission=dataclasses.replace(self.mission, separation=start), notes=(*self.notes, note))

    def _changed(self, **values: Any) -> Scenario:
        return dataclasses.replace(self, **values)


_SECTIONS: dict[str, type] = {
    "mission": Mission, "orbit": Orbit, "spacecraft": Body, "ships": Ships, "clock": Clock, "can": Can,
}  # fmt: skip
_LISTS: dict[str, type] = {"station": Station, "fault": Fault}


def names() -> list[str]:
    """The built-in scenarios."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name_or_path: str | Path) -> Scenario:
    """A built-in scenario by name, or one from a TOML file. UserError says file, key and what is allowed."""
    text = str(name_or_path)
    if text in names():
        return _load_file(FOLDER / f"{text}.toml", text)
    path = Path(text)
    if path.suffix != ".toml" and not path.exists():
        raise UserError(
            f"no scenario named {text!r}{keys.closest(text, names())}: one of {', '.join(names())}, or a .toml file"
        )
    return _load_file(path, text)


def loads(text: str, where: str = "scenario", folder: Path = Path()) -> Scenario:
    """A scenario from TOML text; `folder` is where its TLE file is looked for."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{where}: not TOML: {error}") from None
    return _scenario(data, where, folder)


def _load_file(path: Path, shown: str) -> Scenario:
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        raise UserError(f"{path}: no such scenario file; built-in ones are {', '.join(names())}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: byte {error.start} is not UTF-8 text: a scenario is a TOML file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    return loads(text, shown, path.parent)


def _scenario(data: Mapping[str, Any], where: str, folder: Path) -> Scenario:
    known = [*_SECTIONS, *_LISTS]
    for key in data:
        if key not in known:
            raise UserError(
                f"{where}: unknown section [{key}]{keys.closest(key, known)}; sections are {', '.join(known)}"
            )
    made: dict[str, Any] = {}
    for name, kind in _SECTIONS.items():
        made[name] = _section(kind, data.get(name, {}), where, name)
    lists: dict[str, tuple[Any, ...]] = {}
    for name, kind in _LISTS.items():
        items = data.get(name, [])
        if not isinstance(items, list):
            raise UserError(f"{where}: [{name}] must be written [[{name}]], once for each")
        lists[name] = tuple(_section(kind, item, where, f"{name}[{n}]") for n, item in enumerate(items, 1))
    stations = lists["station"] or (Station(),)
    station_names = [station.name for station in stations]
    for name in station_names:
        if station_names.count(name) > 1:
            raise UserError(f"{where}: two stations are named {name!r}: give each its own name")
    scenario = Scenario(
        where,
        made["mission"],
        made["orbit"],
        made["spacecraft"],
        stations,
        made["ships"],
        made["clock"],
        made["can"],
        lists["fault"],
    )
    _check_separation(scenario.separation, where, "mission.separation")
    return _with_orbit(scenario, data.get("orbit", {}), where, folder)


def _with_orbit(scenario: Scenario, given: Mapping[str, Any], where: str, folder: Path) -> Scenario:
    orbit = scenario.orbit
    if orbit.tle:
        extra = [key for key in given if key not in ("tle", "satellite")]
        if extra:
            raise UserError(
                f"{where}: orbit.{extra[0]}: not beside orbit.tle, which already says it: remove one of them"
            )
        elements = tle_file.read(folder / orbit.tle, orbit.satellite)
        days = abs(elements.epoch - scenario.separation) / timedelta(days=1)
        if days > TLE_REACH_DAYS:
            raise UserError(
                f"{where}: orbit.tle: elements of {elements.epoch:%Y-%m-%d %H:%M} are {days:.0f} days from"
                f" mission.separation; set a separation within {TLE_REACH_DAYS:.0f} days of them"
            )
        return dataclasses.replace(scenario, elements=elements)
    nodes = [key for key in ("ltdn", "ltan", "raan_deg") if key in given]
    if len(nodes) > 1:
        raise UserError(f"{where}: orbit.{nodes[1]}: not beside orbit.{nodes[0]}: give one of ltdn, ltan, raan_deg")
    if not nodes:
        scenario = dataclasses.replace(scenario, orbit=dataclasses.replace(orbit, ltdn="09:30"))
    return scenario


def _check_separation(when: datetime, where: str, key: str) -> None:
    if not FIRST_DAY <= when < LAST_DAY:
        raise UserError(
            f"{where}: {key}: {when:%Y-%m-%d} is outside {FIRST_DAY:%Y-%m-%d} to {LAST_DAY:%Y-%m-%d},"
            " which the field model covers"
        )


def _fields(kind: type) -> dict[str, dataclasses.Field[Any]]:
    return {item.name: item for item in dataclasses.fields(kind)}


def _section(kind: type, data: Any, where: str, path: str) -> Any:
    if not isinstance(data, Mapping):
        raise UserError(f"{where}: {path}: must be a table, [{path}]")
    fields = _fields(kind)
    values: dict[str, Any] = {}
    for key, value in data.items():
        if key not in fields:
            raise UserError(
                f"{where}: {path}.{key}: unknown key{keys.closest(key, fields)}; keys are {', '.join(fields)}"
            )
        values[key] = keys.check(value, fields[key], where, f"{path}.{key}")
    for key, item in fields.items():
        if item.metadata.get("required") and key not in values:
            raise UserError(f"{where}: {path}: {key} is missing")
    return kind(**values)


def table() -> str:
    """The keys of every section as Markdown, for scenarios/README.md."""
    lines: list[str] = []
    for name, kind in [*_SECTIONS.items(), *_LISTS.items()]:
        title = f"[[{name}]]" if name in _LISTS else f"[{name}]"
        lines += [f"### `{title}`", "", "| key | unit | default | allowed | meaning |", "|---|---|---|---|---|"]
        for key, item in _fields(kind).items():
            meta = item.metadata
            default = item.default if item.default_factory is dataclasses.MISSING else list(item.default_factory())
            shown = (
                f"{default:%Y-%m-%dT%H:%M:%SZ}"
                if isinstance(default, datetime)
                else str(default).lower()
                if isinstance(default, bool)
                else str(default)
            )
            if default == "" or default != default:
                shown = "required" if meta.get("required") else ""
            allowed = f"{meta['lo']:.12g} to {meta['hi']:.12g}" if meta["lo"] != -math.inf else ""
            allowed += " or " * bool(allowed and meta.get("choices")) + ", ".join(meta.get("choices", ()))
            allowed = allowed or meta.get("form", "")
            lines.append(f"| `{key}` | {meta['unit']} | {shown} | {allowed} | {meta['doc']} |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    readme = FOLDER / "README.md"
    head = readme.read_text().split("<!-- keys -->")[0]
    readme.write_text(head + "<!-- keys -->\n" + table())
