"""The keys of a scenario: name, unit, limits, default and meaning, a dataclass each section; scenario.py reads them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from dragonet import paths
from dragonet.flatsat import can_faults
from dragonet.flatsat.scenario_keys import setting

paths.use_firmware()

from core import config as board_config  # noqa: E402

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
