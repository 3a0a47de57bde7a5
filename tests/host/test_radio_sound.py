"""The radio model: records to transmissions, transmissions to sound, without any decoder."""

import math
import struct
import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dragonet.flatsat.devices import sx1278
from dragonet.flatsat.radio import sound
from dragonet.flatsat.radio.link import Budget, Look, doppler_hz, free_space_db
from dragonet.flatsat.radio.receive import Receiver, Transmission, parse_registers

REGISTERS = {
    0x01: 0x0B, 0x02: 0x09, 0x03: 0x78, 0x05: 0x31, 0x06: 0x6D, 0x07: 0x57, 0x08: 0x5C, 0x09: 0xFF, 0x0A: 0x49,
    0x4D: 0x84, 0x5D: 4,
}  # fmt: skip


def snapshot(**changed: int) -> bytes:
    registers = bytearray(sx1278.SNAPSHOT + 1)
    for address, value in REGISTERS.items():
        registers[address] = value
    for name, value in changed.items():
        registers[int(name[1:], 16)] = value
    return bytes(registers[1:])


def data(age_us: int, payload: bytes) -> bytes:
    return struct.pack(">BI", sx1278.DATA, age_us) + payload


def on(**changed: int) -> bytes:
    return bytes((sx1278.CARRIER_ON,)) + snapshot(**changed)


OFF = bytes((sx1278.CARRIER_OFF,))


def test_registers_become_frequency_rate_deviation_and_power() -> None:
    one = parse_registers(snapshot())
    assert one.modulation == "FSK"
    assert one.frequency_hz == pytest.approx(437_365_000, abs=31)
    assert one.bit_rate == pytest.approx(13_200, abs=0.1)
    assert one.deviation_hz == pytest.approx(2990.7, abs=0.1)
    assert one.power_dbm == 17.0
    assert parse_registers(snapshot(r01=0x2B)).modulation == "OOK"
    assert parse_registers(snapshot(r01=0x8B)).modulation == "LoRa"
    assert parse_registers(snapshot(r09=0xF0)).power_dbm == 2.0
    assert parse_registers(snapshot(r09=0xFF, r4D=0x87)).power_dbm == 20.0
    assert parse_registers(snapshot(r09=0x4F)).power_dbm == pytest.approx(13.2)
    # BitrateFrac has no effect in OOK (datasheet 4.2.1)
    ook = parse_registers(snapshot(r01=0x2B, r02=0x68, r03=0x2B, r5D=15))
    assert ook.bit_rate == pytest.approx(1199.985, abs=0.001)


def test_runs_join_when_their_bits_follow_and_part_when_they_do_not() -> None:
    ends: list[bool] = []
    receiver = Receiver(lambda one, started: ends.append(started))
    receiver.record(1_000, on())
    byte_us = 8e6 / parse_registers(snapshot()).bit_rate
    receiver.record(1_000, data(0, bytes(32)))
    receiver.record(1_000 + round(33 * byte_us), data(round(byte_us), bytes(32)))
    receiver.record(1_000 + round(90 * byte_us), data(0, bytes(8)))
    receiver.record(1_000 + round(100 * byte_us), OFF)
    (one,) = receiver.done
    assert [len(run) for _, run in one.runs] == [64, 8]
    assert one.seconds == pytest.approx(100 * byte_us * 1e-6, abs=1e-5)
    assert one.whole and one.byte_count == 72 and ends == [True, False]


def test_a_supply_that_fails_ends_the_transmission() -> None:
    receiver = Receiver()
    receiver.record(0, on())
    receiver.record(100, data(0, b"abc"))
    receiver.power_off(5_000)
    receiver.power_off(9_000)
    assert [(one.stop_us, one.whole) for one in receiver.done] == [(5_000, False)]


def test_records_that_cannot_be_are_counted() -> None:
    receiver = Receiver()
    for record in (b"", b"\x09", OFF, data(0, b"x"), on()[:-1]):
        receiver.record(0, record)
    assert receiver.faults == 5 and receiver.done == []


def test_the_way_to_the_ground() -> None:
    # facts of a 560 km orbit at 437 MHz: loss at the horizon and overhead, Doppler
    assert free_space_db(2729, 437e6) == pytest.approx(154.0, abs=0.2)
    assert free_space_db(560, 437e6) == pytest.approx(140.2, abs=0.2)
    assert doppler_hz(-7000, 437e6) == pytest.approx(10_204, abs=5)
    assert Budget().density_dbhz(17, 437e6, Look(0, 2729, 0)) == pytest.approx(55.6, abs=0.3)


def fsk(bits: NDArray[np.uint8], **changed: int) -> Transmission:
    one = parse_registers(snapshot(**changed))
    one.runs = [(0, bytearray(np.packbits(bits).tobytes()))]
    one.stop_us = round(len(bits) / one.bit_rate * 1e6)
    return one


def steady(density_dbhz: float, offset_hz: float = 0.0) -> sound.Path2Ground:
    zero = np.zeros(1)
    return sound.Path2Ground(zero, zero + density_dbhz, zero + offset_hz)


def strongest_hz(samples: NDArray[np.float64]) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * sound.AUDIO_HZ / len(samples))


@pytest.mark.parametrize(("period", "hertz"), [(11, 1200.0), (6, 2200.0)])
def test_a_square_wave_of_fsk_bits_is_heard_as_a_clean_tone(period: int, hertz: float) -> None:
    bits = ((np.arange(13_200) % period) < period / 2).astype(np.uint8)
    samples = sound.hear(fsk(bits), steady(80.0), np.random.default_rng(1))[4800:40_000]
    assert strongest_hz(samples) == pytest.approx(hertz, abs=2)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    middle = round(hertz * len(samples) / sound.AUDIO_HZ)
    tone = spectrum[middle - 5 : middle + 6].sum()
    # 1,200 Hz has 6 and 5 bits for its halves: its second harmonic is 17 dB below, cos(pi 6/11); the rest is far less
    assert tone / (spectrum.sum() - tone) > 40.0
    # the fundamental of a square wave of +-2.99 kHz is 4/pi of it
    assert np.abs(samples).max() == pytest.approx(4 / math.pi * 2990.7 / 10_000, rel=0.15)


def test_noise_rises_as_the_signal_fades() -> None:
    bits = np.ones(13_200, dtype=np.uint8)
    levels = []
    for density in (80.0, 65.0, 56.0):
        samples = sound.hear(fsk(bits), steady(density), np.random.default_rng(1))[4800:40_000]
        levels.append(float(np.std(samples)))
    assert levels[0] < levels[1] / 3 < levels[2] / 6


def test_keyed_carrier_is_a_tone_that_comes_and_goes() -> None:
    bits = np.repeat(np.array([1, 0, 1, 0], dtype=np.uint8), 600)  # half a second each at 1,200 bit/s
    one = fsk(bits, r01=0x2B, r02=0x68, r03=0x2B)
    samples = sound.hear(one, steady(70.0, offset_hz=30.0), np.random.default_rng(1))
    assert len(samples) == pytest.approx((2.0 + 1.0) * sound.AUDIO_HZ, abs=200)
    part = [samples[round((0.5 + 0.5 * k + 0.1) * 48_000) : round((0.5 + 0.5 * k + 0.4) * 48_000)] for k in range(4)]
    assert strongest_hz(part[0]) == pytest.approx(830.0, abs=4)
    assert np.std(part[0]) > 20 * np.std(part[1])
    assert np.std(part[2]) > 20 * np.std(part[3])


def passes(path: Path, seed: int) -> dict[str, list[sound.Clip]]:
    bits = np.tile(np.array([1, 0], dtype=np.uint8), 660)
    ook = fsk(np.ones(600, dtype=np.uint8), r01=0x2B, r02=0x68, r03=0x2B)
    late = fsk(bits)
    late.start_us += 600_000_000
    late.stop_us += 600_000_000
    late.runs = [(600_000_000, run) for _, run in late.runs]

    def link_at(t_s: float) -> Look | None:
        return Look(30.0, 1000.0, -3000.0 + 20.0 * t_s) if t_s < 300.0 else None

    return sound.write_pass_audio([fsk(bits), ook, late], link_at, path / "cw.wav", path / "afsk.wav", seed)


def test_a_pass_is_two_files_that_repeat_from_their_seed(tmp_path: Path) -> None:
    clips = passes(tmp_path, 7)
    first = [(tmp_path / name).read_bytes() for name in ("cw.wav", "afsk.wav")]
    passes(tmp_path, 7)
    assert [(tmp_path / name).read_bytes() for name in ("cw.wav", "afsk.wav")] == first
    passes(tmp_path, 8)
    assert all((tmp_path / name).read_bytes() != old for name, old in zip(("cw.wav", "afsk.wav"), first, strict=True))
    assert [len(clips["cw"]), len(clips["afsk"])] == [1, 1]  # the one below the horizon is not heard
    with wave.open(str(tmp_path / "afsk.wav")) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (48_000, 1, 2)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert clips["afsk"][0].offset_s == sound.SILENCE_S
    assert not samples[: round(sound.SILENCE_S * 48_000)].any() and not samples[-48_000:].any()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["afsk.wav", "cw.wav"]


def test_a_recording_that_cannot_be_finished_leaves_nothing(tmp_path: Path) -> None:
    def broken():
        yield fsk(np.ones(100, dtype=np.uint8)), steady(60.0)
        raise RuntimeError("cut")

    with pytest.raises(RuntimeError):
        sound.write_recording(tmp_path / "x.wav", broken(), [1])
    assert list(tmp_path.iterdir()) == []
