"""A scenario: what flies, from where, with what luck. Read from TOML, every key checked.

The dataclasses below are the one table of keys: name, unit, limits, default and meaning.
scenarios/README.md is generated from them by `python -m dragonet.flatsat.scenario`.
"""

from __future__ import annotations

import dataclasses
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dragonet import paths
from dragonet.errors import UserError
from dragonet.flatsat import can_faults
from dragonet.flatsat import scenario_keys as keys
from dragonet.flatsat.physics import tle as tle_file
from dragonet.flatsat.scenario_keys import setting

paths.use_firmware()

from core import config as board_config  # noqa: E402

FOLDER = Path(__file__).parent / "scenarios"
ROLES = ("eps", "beacon", "sensor")
# of /config.json: beyond them a board inhibits RF
BOARD_LIMITS = {name: (low, high) for name, _, low, high, _ in board_config.KEYS}
LOADS = ("beacon", "sensor", "ais", "heater")
# what a fault can do to a board: its process killed (and started again if powered), reset by its pin, power cut and
# given back whatever the EPS says, what can_faults.py does to its CAN, its target on the boards' I2C (where they have
# one) holding SDA low and letting it go
FAULTS = ("kill", "reset", "power_off", "power_on", *can_faults.FAULTS, "i2c_stuck", "i2c_free")
# IGRF-14 as ppigrf ships it
FIRST_DAY, LAST_DAY = datetime(1957, 10, 4, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)
TLE_REACH_DAYS = 14.0  # SGP4 errs 1-3 km a day; farther from its epoch an element set tells nothing of passes


@dataclass(frozen=True)
class Mission:
    """[mission]"""

    name: str = setting(
        "DRAGONET",
        "",
        "satellite name, as the beacon says it",
        pattern=r"[A-Z0-9 -]{1,16}",
        form="1 to 16 of A-Z, 0-9, space and -",
    )
    country: str = setting(
        "VIETNAM", "", "country, as the beacon says it", pattern=r"[A-Z -]{0,16}", form="up to 16 of A-Z, space and -"
    )
    callsign: str = setting(
        "N0CALL",
        "",
        "call sign; empty inhibits transmission",
        pattern=r"([A-Z0-9]{3,6})?",
        form="3 to 6 of A-Z and 0-9, or empty",
    )
    frequency_hz: int = setting(437_365_000, "Hz", "carrier of the beacon", *BOARD_LIMITS["frequency_hz"])
    tx_power_dbm: int = setting(17, "dBm", "power the beacon asks of its radio chip", *BOARD_LIMITS["tx_power_dbm"])
    separation: datetime = setting(
        datetime(2021, 11, 9, 2, 6, 54, tzinfo=UTC), "UTC", "when it leaves its pod: mission time zero"
    )
    hours: float = setting(6.0, "h", "length of the flight", 0.01, 24 * 60)


@dataclass(frozen=True)
class Orbit:
    """[orbit]: either `tle`, or mean elements at separation."""

    tle: str = setting(
        "", "", "two-line element file, relative to the scenario's folder; replaces all other keys but satellite"
    )
    satellite: str = setting(
        "", "", "which of several sets in the TLE file: name or catalogue number; empty: the first"
    )
    altitude_km: float = setting(560.0, "km", "mean semi-major axis less 6378.137 km", 200.0, 2000.0)
    inclination: float | str = setting(
        "sso", "deg", 'inclination, or "sso": the one that follows the sun', 0.0, 180.0, choices=("sso",)
    )
    eccentricity: float = setting(0.001, "", "", 0.0, 0.2)
    ltdn: str = setting(
        "",
        "HH:MM",
        "local mean solar time of the descending node",
        pattern=r"([01]\d|2[0-3]):[0-5]\d",
        form='"00:00" to "23:59"',
    )
    ltan: str = setting(
        "", "HH:MM", "the same of the ascending node", pattern=r"([01]\d|2[0-3]):[0-5]\d", form='"00:00" to "23:59"'
    )
    raan_deg: float = setting(
        math.nan, "deg", "right ascension of the ascending node; give this, ltdn or ltan", 0.0, 360.0
    )
    argument_of_perigee_deg: float = setting(90.0, "deg", "", 0.0, 360.0)
    argument_of_latitude_deg: float = setting(
        0.0, "deg", "where on the orbit it separates, from the ascending node", 0.0, 360.0
    )
    bstar: float = setting(5e-5, "1/earth radii", "SGP4's drag term", -1.0, 1.0)


@dataclass(frozen=True)
class Body:
    """[spacecraft]"""

    size: str = setting("3U", "", "1U: two cells a face. 3U: seven on a long face, two on an end", choices=("1U", "3U"))
    mass_kg: float = setting(3.8, "kg", "", 0.5, 10.0)
    inertia_kg_m2: tuple[float, ...] = setting(
        [0.040, 0.042, 0.0068], "kg m2", "principal moments about body x, y, z", 1e-4, 1.0, length=3
    )
    initial_rates_deg_s: tuple[float, ...] = setting(
        [3.0, -2.0, 4.0], "deg/s", "mean body rates after separation", -30.0, 30.0, length=3
    )
    initial_rates_sigma_deg_s: float = setting(1.0, "deg/s", "spread of each rate, from the seed", 0.0, 10.0)
    damping_hours: float = setting(
        0.0, "h", "passive magnetic damping: time to lose 63 % of a rate; 0: none", 0.0, 10_000.0
    )
    magnet_a_m2: tuple[float, ...] = setting(
        [0.0, 0.0, 0.0], "A m2", "permanent magnet, or residual dipole, in body axes", -5.0, 5.0, length=3
    )
    gravity_gradient: bool = setting(True, "", "gravity gradient torque")
    battery_ah: float = setting(5.2, "Ah", "capacity of the 2S pack", 0.5, 50.0)
    battery_limit_v: float = setting(8.2, "V", "the converters stop raising the pack here", 6.0, 8.4)
    initial_soc: float = setting(0.65, "0..1", "state of charge at separation", 0.0, 1.0)
    initial_temperature_c: float = setting(20.0, "°C", "all of it, at separation", -20.0, 50.0)
    tracking_efficiency: float = setting(0.98, "0..1", "hardware maximum power point tracking", 0.1, 1.0)
    converter_efficiency: float = setting(0.90, "0..1", "panel to battery", 0.1, 1.0)
    albedo: float = setting(0.30, "0..1", "of the Earth, mean", 0.0, 1.0)
    eps_w: float = setting(0.30, "W", "EPS board with its converters, at the battery", 0.0, 10.0)
    beacon_w: float = setting(0.25, "W", "beacon board, radio not transmitting", 0.0, 10.0)
    sensor_w: float = setting(0.40, "W", "sensor board", 0.0, 10.0)
    ais_w: float = setting(0.60, "W", "AIS receiver", 0.0, 20.0)
    heater_w: float = setting(1.0, "W", "battery heater", 0.0, 20.0)
    transmit_w: float = setting(2.4, "W", "DC power of the radio on air at tx_power_dbm", 0.0, 50.0)
    burn_w: float = setting(5.0, "W", "one antenna's burn wire", 0.0, 50.0)
    burn_s: float = setting(
        3.0, "s", "heating that parts the line, +-20 % from the seed; cooling forgets it in seconds", 0.1, 60.0
    )


@dataclass(frozen=True)
class Station:
    """[[station]]: the first is the one summaries, recordings and live progress speak of."""

    name: str = setting("Hoa Lac", "", "", pattern=r".{1,40}", form="1 to 40 characters")
    lat_deg: float = setting(21.01, "deg", "north", -90.0, 90.0)
    lon_deg: float = setting(105.52, "deg", "east", -180.0, 180.0)
    alt_m: float = setting(20.0, "m", "above the ellipsoid", -500.0, 9000.0)
    mask_deg: float = setting(5.0, "deg", "lowest elevation it hears", 0.0, 89.0)


@dataclass(frozen=True)
class Ships:
    """[ships]"""

    count: int = setting(2000, "", "ships that transmit AIS", 0, 100_000)


@dataclass(frozen=True)
class Clock:
    """[clock]: each board draws its own from the seed."""

    offset_ppm: tuple[float, ...] = setting(
        [-50.0, 50.0], "ppm", "lowest and highest rate error of a board's clock", -1000.0, 1000.0, length=2, rising=True
    )
    drift_ppm_per_day: float = setting(0.5, "ppm/day", "largest change of that error", 0.0, 100.0)


@dataclass(frozen=True)
class Can:
    """[can]"""

    error_rate: float = setting(1e-4, "0..1", "share of frames with an error on the wire", 0.0, 0.5)
    controller: str = setting(
        "builtin",
        "",
        "of every board: inside its MCU (STM32), or an MCP2515 on SPI (RP2040)",
        choices=("builtin", "mcp2515"),
    )
    csp_version: int = setting(2, "", "of every board's packets on the bus", 1, 2)


@dataclass(frozen=True)
class Fault:
    """[[fault]]"""

    at: str = setting(
        "",
        "HH:MM:SS",
        "when, since separation",
        pattern=r"\d{1,4}:[0-5]\d:[0-5]\d",
        form='"00:00:00" to "9999:59:59"',
        required=True,
    )
    board: str = setting("", "", "to which board", choices=(*ROLES, "all"), required=True)
    do: str = setting("", "", "what happens", choices=FAULTS, required=True)

    @property
    def at_s(self) -> int:
        """Seconds since separation."""
        hours, minutes, seconds = (int(part) for part in self.at.split(":"))
        return hours * 3600 + minutes * 60 + seconds


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
