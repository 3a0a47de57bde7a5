"""The sound of a transmission at a ground station: from carrier and bits by a receiver to 48 kHz audio.

OOK is heard with an SSB receiver and a CW filter, as a keyed tone. FSK is heard with an FM receiver: IF filter,
discriminator, audio filter, squelch. Bits are bits here: what they mean is known to the board that sent them alone.
"""

from __future__ import annotations

import math
import os
import wave
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dragonet.flatsat.radio.link import Budget, Look, doppler_hz
from dragonet.flatsat.radio.receive import Transmission

Array = NDArray[np.float64]
LinkAt = Callable[[float], Look | None]  # flight time in s -> where the satellite is; None: below the horizon

AUDIO_HZ = 48_000
SILENCE_S = 1.5  # before, between and after: the recorder's pause

_CW_RATE_HZ = 6_000  # complex baseband of the CW receiver; divides AUDIO_HZ
_CW_TONE_HZ = 800.0
_CW_FILTER_HZ = 500.0
_CW_MARGIN_S = 0.5  # the receiver's noise is heard before and after

_IF_HZ = 15_000.0  # channel filter of an FM receiver
_AUDIO_LOW_HZ, _AUDIO_HIGH_HZ = 100.0, 3_000.0
_FULL_SCALE_HZ = 10_000.0  # deviation that reaches full scale: room for noise
_SQUELCH_OPEN_S, _SQUELCH_TAIL_S = 0.010, 0.020

_GAUSSIAN_BT = (0.0, 1.0, 0.5, 0.3)  # RegPaRamp 6-5 in FSK
_OVERSAMPLING = 8  # of FSK bits, before they become phase

_STRONG_DBHZ = 80.0  # no link given: a cable and an attenuator


@dataclass(frozen=True)
class Clip:
    """One transmission in a recording."""

    start_us: int  # of the flight
    offset_s: float  # in the file
    seconds: float
    density_dbhz: float  # least C/N0
    whole: bool


@dataclass
class Path2Ground:
    """C/N0 and frequency error during a transmission, at `times` (s since its start)."""

    times: Array
    density_dbhz: Array
    offset_hz: Array


def write_pass_audio(
    transmissions: Iterable[Transmission],
    link_at: LinkAt,
    path_cw: Path,
    path_afsk: Path,
    seed: int,
    budget: Budget | None = None,
) -> dict[str, list[Clip]]:
    """Write what was heard: OOK to path_cw, FSK to path_afsk; returns {"cw": clips, "afsk": clips}.

    Transmissions that begin or end below the horizon (link_at gives None) are left out. Same arguments, same bytes.
    """
    budget = budget or Budget()
    rng = np.random.default_rng([seed & 0xFFFFFFFF, 0x4A11])
    late_s = rng.normal(0.0, 0.3)  # the elements' error along the track
    mistuned_hz = rng.normal(0.0, budget.tracking_hz)
    heard: dict[str, list[tuple[Transmission, Path2Ground]]] = {"cw": [], "afsk": []}
    for one in transmissions:
        way = _way(one, link_at, budget, late_s, mistuned_hz)
        if way is not None and one.modulation in ("OOK", "FSK"):
            heard["cw" if one.modulation == "OOK" else "afsk"].append((one, way))
    return {
        "cw": write_recording(path_cw, heard["cw"], [seed, 1]),
        "afsk": write_recording(path_afsk, heard["afsk"], [seed, 2]),
    }


def write_bench_audio(transmissions: Iterable[Transmission], path: Path, seed: int = 0) -> list[Clip]:
    """Write transmissions of either kind as a receiver on the same bench hears them."""
    steady = np.zeros(1)
    way = Path2Ground(steady, steady + _STRONG_DBHZ, steady)
    return write_recording(path, [(one, way) for one in transmissions], [seed, 3])


def write_recording(path: Path, heard: Iterable[tuple[Transmission, Path2Ground]], seed: list[int]) -> list[Clip]:
    """A WAV file, mono, 16 bits: each transmission with its way to the ground. The file appears when it is complete."""
    clips: list[Clip] = []
    position = 0
    part = path.with_name(path.name + ".part")
    silence = np.zeros(round(SILENCE_S * AUDIO_HZ))
    try:
        with open(part, "wb") as raw, wave.open(raw, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(AUDIO_HZ)

            def write(samples: Array) -> None:
                nonlocal position
                file.writeframes((np.clip(samples, -1.0, 1.0) * 32767.0).astype("<i2").tobytes())
                position += len(samples)

            write(silence)
            for number, (one, way) in enumerate(heard):
                rng = np.random.default_rng([value & 0xFFFFFFFF for value in seed] + [number])
                samples = hear(one, way, rng)
                offset = position / AUDIO_HZ
                seconds, weakest = len(samples) / AUDIO_HZ, float(way.density_dbhz.min())
                clips.append(Clip(one.start_us, offset, seconds, weakest, one.whole))
                write(samples)
                write(silence)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return clips


def hear(one: Transmission, way: Path2Ground, rng: np.random.Generator) -> Array:
    """Audio at AUDIO_HZ, full scale 1."""
    return hear_cw(one, way, rng) if one.modulation == "OOK" else hear_fm(one, way, rng)


def _way(one: Transmission, link_at: LinkAt, budget: Budget, late_s: float, mistuned_hz: float) -> Path2Ground | None:
    times = np.linspace(0.0, one.seconds, max(2, math.ceil(one.seconds) + 1))
    density: list[float] = []
    offset: list[float] = []
    for t in one.start_us * 1e-6 + times:
        look, tracked = link_at(float(t)), link_at(float(t) - late_s)
        if look is None:
            return None
        density.append(budget.density_dbhz(one.power_dbm, one.frequency_hz, look))
        error = 0.0 if tracked is None else doppler_hz(look.range_rate_m_s - tracked.range_rate_m_s, one.frequency_hz)
        offset.append(mistuned_hz + error)
    return Path2Ground(times, np.array(density), np.array(offset))


def _levels(one: Transmission, times: Array, per_bit: int = 1, idle: int = 0) -> Array:
    """The bit on the air at each time (s since carrier on), 0 or 1; `idle` where the FIFO was empty, -1 off the air."""
    levels = np.full(len(times), idle, dtype=np.float64)
    for first_us, data in one.runs:
        bits = np.unpackbits(np.frombuffer(bytes(data), dtype=np.uint8))
        index = np.floor((times - (first_us - one.start_us) * 1e-6) * one.bit_rate).astype(np.int64)
        inside = (index >= 0) & (index < len(bits))
        levels[inside] = bits[index[inside]]
    levels[(times < 0.0) | (times >= one.seconds)] = -1
    return levels


def _noise(rng: np.random.Generator, count: int, rate_hz: float) -> NDArray[np.complex128]:
    """Complex noise of density 1 (N0 = 1): variance = rate."""
    noise = rng.standard_normal((count, 2)) * math.sqrt(rate_hz / 2.0)
    return noise[:, 0] + 1j * noise[:, 1]


def _edge(frequencies: NDArray[np.floating], half_hz: float, slope_hz: float) -> NDArray[np.floating]:
    """Response of a filter that passes |f| < half_hz, with raised-cosine slopes."""
    beyond = np.clip((np.abs(frequencies) - half_hz + slope_hz) / slope_hz, 0.0, 1.0)
    return 0.5 + 0.5 * np.cos(np.pi * beyond)


def _phase(way: Path2Ground, times: Array, rate_hz: float) -> Array:
    return 2.0 * np.pi * np.cumsum(np.interp(times, way.times, way.offset_hz)) / rate_hz


def hear_cw(one: Transmission, way: Path2Ground, rng: np.random.Generator) -> Array:
    """SSB receiver with a CW filter and a slow gain control: the carrier is a tone of 800 Hz.

    The transmitter's own filter at the bit rate (1,200 Hz) is far wider than the receiver's and is left out.
    """
    count = math.ceil((one.seconds + 2.0 * _CW_MARGIN_S) * _CW_RATE_HZ)
    times = np.arange(count) / _CW_RATE_HZ - _CW_MARGIN_S
    amplitude = 10.0 ** (np.interp(times, way.times, way.density_dbhz) / 20.0)
    keyed = np.maximum(_levels(one, times), 0.0)
    signal = keyed * amplitude * np.exp(1j * _phase(way, times, _CW_RATE_HZ)) + _noise(rng, count, _CW_RATE_HZ)
    spectrum = np.fft.fft(signal)
    spectrum *= _edge(np.fft.fftfreq(count, 1.0 / _CW_RATE_HZ), _CW_FILTER_HZ / 2.0, 60.0)
    # Up to the audio rate by a longer inverse transform, the tone's place chosen to the nearest of its bins.
    factor = AUDIO_HZ // _CW_RATE_HZ
    shift = round(_CW_TONE_HZ * count / _CW_RATE_HZ)
    bins = (np.fft.fftfreq(count, 1.0 / count).astype(np.int64) + shift) % (count * factor)
    wide = np.zeros(count * factor // 2 + 1, dtype=np.complex128)
    kept = bins < len(wide)
    wide[bins[kept]] = spectrum[kept]
    audio = np.fft.irfft(wide, count * factor) * (factor / 2.0)
    level = np.sqrt(amplitude**2 + _CW_FILTER_HZ)  # signal and noise behind the filter
    return 0.5 * audio / np.repeat(level, factor)


def hear_fm(one: Transmission, way: Path2Ground, rng: np.random.Generator) -> Array:
    """FM receiver: IF filter, discriminator, audio filter without de-emphasis, squelch."""
    total_s = one.seconds + _SQUELCH_TAIL_S
    count = math.ceil(total_s * AUDIO_HZ)
    times = np.arange(count) / AUDIO_HZ
    # The modulator: bits to frequency, through the Gaussian filter if it is on, to phase.
    fine_hz = one.bit_rate * _OVERSAMPLING
    fine = np.arange(math.ceil(total_s * fine_hz) + 1) / fine_hz
    frequency = np.where(_levels(one, fine + 0.5 / fine_hz) > 0.0, one.deviation_hz, -one.deviation_hz)
    bt = _GAUSSIAN_BT[one.shaping]
    if bt:
        sigma = math.sqrt(math.log(2.0)) / (2.0 * math.pi * bt) * _OVERSAMPLING
        reach = math.ceil(4.0 * sigma)
        kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
        frequency = np.convolve(frequency, kernel / kernel.sum(), "same")
    phase = 2.0 * np.pi / fine_hz * np.concatenate(([0.0], np.cumsum(frequency)))[:-1]
    amplitude = 10.0 ** (np.interp(times, way.times, way.density_dbhz) / 20.0) * (times < one.seconds)
    signal = amplitude * np.exp(1j * (np.interp(times, fine, phase) + _phase(way, times, AUDIO_HZ)))
    signal += _noise(rng, count, AUDIO_HZ)
    spectrum = np.fft.fft(signal) * _edge(np.fft.fftfreq(count, 1.0 / AUDIO_HZ), _IF_HZ / 2.0, 1_500.0)
    received = np.fft.ifft(spectrum)
    heard_hz = np.zeros(count)
    heard_hz[1:] = np.angle(received[1:] * np.conj(received[:-1])) * (AUDIO_HZ / (2.0 * np.pi))
    audio_hz = np.fft.rfftfreq(count, 1.0 / AUDIO_HZ)
    response = _edge(audio_hz, _AUDIO_HIGH_HZ + 200.0, 400.0) * (1.0 - _edge(audio_hz, _AUDIO_LOW_HZ + 25.0, 50.0))
    audio = np.fft.irfft(np.fft.rfft(heard_hz) * response, count) / _FULL_SCALE_HZ
    audio[: round(_SQUELCH_OPEN_S * AUDIO_HZ)] = 0.0
    return audio
