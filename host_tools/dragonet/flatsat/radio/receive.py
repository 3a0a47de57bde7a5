"""Collects a board's RADIO records (layout: devices/sx1278.py) into transmissions: carrier, modulation, bits, time."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from dragonet.flatsat.devices import sx1278

_CRYSTAL_HZ = 32_000_000
_STEP_HZ = _CRYSTAL_HZ / 2**19  # SX1276 datasheet 4.1.4


@dataclass
class Transmission:
    """One time on the air. Times in us of the flight; `runs`: (time of first bit, bytes sent one after the other)."""

    start_us: int
    stop_us: int
    frequency_hz: float
    modulation: str  # "OOK", "FSK", "LoRa" (not modelled: a carrier)
    bit_rate: float
    deviation_hz: float
    shaping: int  # RegPaRamp 6-5: FSK Gaussian BT none/1.0/0.5/0.3; OOK cut-off none/bit rate/twice
    power_dbm: float  # of the chip
    runs: list[tuple[int, bytearray]] = field(default_factory=list)
    whole: bool = True  # False: the supply failed or the recording ended while the carrier was on

    @property
    def seconds(self) -> float:
        return (self.stop_us - self.start_us) * 1e-6

    @property
    def byte_count(self) -> int:
        return sum(len(data) for _, data in self.runs)


def parse_registers(registers: bytes) -> Transmission:
    """A transmission, still without times and bits, from registers 0x01 on (registers[0] is RegOpMode)."""

    def register(address: int) -> int:
        return registers[address - 1]

    mode = register(0x01)
    ook = mode >> 5 & 3 == 1
    divider = register(0x02) << 8 | register(0x03)
    fraction = 0 if ook else register(0x5D) & 15
    pa = register(0x09)
    if pa & 0x80:  # PA_BOOST; RegPaDac 0x87 adds 3 dB at the highest setting (5.4.3)
        power = 17.0 - (15 - (pa & 15)) + (3.0 if register(0x4D) & 7 == 7 and pa & 15 == 15 else 0.0)
    else:
        power = 10.8 + 0.6 * (pa >> 4 & 7) - (15 - (pa & 15))
    return Transmission(
        start_us=0,
        stop_us=0,
        frequency_hz=(register(0x06) << 16 | register(0x07) << 8 | register(0x08)) * _STEP_HZ,
        modulation="LoRa" if mode & 0x80 else "OOK" if ook else "FSK",
        bit_rate=_CRYSTAL_HZ / max(1.0, divider + fraction / 16),
        deviation_hz=0.0 if ook else ((register(0x04) & 0x3F) << 8 | register(0x05)) * _STEP_HZ,
        shaping=register(0x0A) >> 5 & 3,
        power_dbm=power,
    )


class Receiver:
    """One board's transmitter. `done` grows as transmissions end; on_change(transmission, on) marks both ends."""

    def __init__(self, on_change: Callable[[Transmission, bool], None] | None = None) -> None:
        self.done: list[Transmission] = []
        self.current: Transmission | None = None
        self.faults = 0  # records that cannot be
        self._on_change = on_change

    def record(self, time_us: int, data: bytes) -> None:
        """A RADIO record emitted at time_us. What makes no sense is counted in `faults`."""
        kind = data[0] if data else 0
        if kind == sx1278.CARRIER_ON and len(data) == 1 + sx1278.SNAPSHOT:
            self._end(time_us, False)
            self.current = parse_registers(data[1:])
            self.current.start_us = self.current.stop_us = time_us
            if self._on_change is not None:
                self._on_change(self.current, True)
        elif self.current is None:
            self.faults += 1
        elif kind == sx1278.CARRIER_OFF:
            self._end(time_us, True)
        elif kind == sx1278.DATA and len(data) > 5:
            (age_us,) = struct.unpack_from(">I", data, 1)
            self._append(time_us - age_us, data[5:])
        else:
            self.faults += 1

    def power_off(self, time_us: int) -> None:
        """The board lost its supply or its process ended: the carrier is gone."""
        self._end(time_us, False)

    def _append(self, first_us: int, data: bytes) -> None:
        now = self.current
        assert now is not None
        if now.runs:
            start, run = now.runs[-1]
            due = start + len(run) * 8e6 / now.bit_rate
            # A clock that drifts by 100 ppm, and rounding to us, is no gap; half a bit is.
            if abs(first_us - due) < 0.5e6 / now.bit_rate + (first_us - start) * 1e-4:
                run.extend(data)
                return
        now.runs.append((first_us, bytearray(data)))

    def _end(self, time_us: int, whole: bool) -> None:
        now, self.current = self.current, None
        if now is None:
            return
        now.stop_us = max(time_us, now.start_us)
        now.whole = whole
        self.done.append(now)
        if self._on_change is not None:
            self._on_change(now, False)
