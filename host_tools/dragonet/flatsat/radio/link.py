"""The way from the satellite's antenna to the ground receiver: free-space loss, Doppler, noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

LIGHT_M_S = 299_792_458.0
BOLTZMANN_DBM_HZ_K = -198.6  # 10 log10(1.380649e-23 * 1000)


@dataclass(frozen=True)
class Look:
    """Where the satellite is, seen from the station. range_rate_m_s is positive when it goes away."""

    elevation_deg: float
    range_km: float
    range_rate_m_s: float


@dataclass(frozen=True)
class Budget:
    """A link budget. Defaults: an amateur station, a 12-element Yagi following the pass, a mast-head preamplifier."""

    amplifier_db: float = 12.0  # behind the radio chip: boards/beacon/parts.py
    feed_loss_db: float = 1.0
    satellite_gain_dbi: float = 0.0  # monopole, averaged over a tumbling body
    polarization_db: float = 3.0  # linear to circular
    station_gain_dbi: float = 14.0
    pointing_loss_db: float = 1.0
    noise_k: float = 500.0  # antenna that sees some ground and town, plus 2 dB of noise figure
    tracking_hz: float = 40.0  # rms error of the Doppler correction, from elements some days old

    def eirp_dbm(self, chip_dbm: float) -> float:
        return chip_dbm + self.amplifier_db - self.feed_loss_db + self.satellite_gain_dbi

    def density_dbhz(self, chip_dbm: float, frequency_hz: float, look: Look) -> float:
        """C/N0 in dBHz at the receiver."""
        received = (
            self.eirp_dbm(chip_dbm)
            - free_space_db(look.range_km, frequency_hz)
            - self.polarization_db
            + self.station_gain_dbi
            - self.pointing_loss_db
        )
        return received - BOLTZMANN_DBM_HZ_K - 10.0 * math.log10(self.noise_k)


def free_space_db(range_km: float, frequency_hz: float) -> float:
    return 20.0 * math.log10(4.0 * math.pi * range_km * 1000.0 * frequency_hz / LIGHT_M_S)


def doppler_hz(range_rate_m_s: float, frequency_hz: float) -> float:
    """Shift of the received frequency: negative when the satellite goes away."""
    return -range_rate_m_s / LIGHT_M_S * frequency_hz
