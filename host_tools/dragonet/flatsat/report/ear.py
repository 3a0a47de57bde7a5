"""What a listener reads from the recordings: a plain ear for CW and one for AFSK1200, for the report's text.

They judge nothing: direwolf and multimon-ng do. AX.25 2.2, section 3; Bell 202 tones 1200 and 2200 Hz, 1200 Bd, NRZI.
"""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_MARK_HZ, _SPACE_HZ, _BAUD = 1200.0, 2200.0, 1200.0
_CW_HZ = (400.0, 1200.0)  # where the keyed tone is looked for
_CW_STEP_S = 0.004
_CW_RATE_HZ = 6000  # enough for the tone
_CODES = (
    ".-A -...B -.-.C -..D .E ..-.F --.G ....H ..I .---J -.-K .-..L --M -.N ---O .--.P --.-Q .-.R ...S -T ..-U ...-V"
    " .--W -..-X -.--Y --..Z"
    " -----0 .----1 ..---2 ...--3 ....-4 .....5 -....6 --...7 ---..8 ----.9 .-.-.-. --..--, ..--..?"
    " -..-./ -...-= .-.-.+ -....-- ...-.-! -.--.( -.--.-) ---...:"
)
MORSE = {code[:-1]: code[-1] for code in _CODES.split()}
_PROSIGNS = {"+": " <AR>", "!": " <SK>"}


def read(path: Path) -> tuple[Array, int]:
    """Samples -1..1 and their rate. ValueError when it is not a 16-bit mono WAV file."""
    try:
        with wave.open(str(path), "rb") as file:
            if file.getsampwidth() != 2 or file.getnchannels() != 1:
                raise ValueError(f"{path} is not 16-bit mono")
            data = file.readframes(file.getnframes())
            return np.frombuffer(data, "<i2").astype(np.float64) / 32768.0, file.getframerate()
    except (wave.Error, EOFError) as error:
        raise ValueError(f"{path}: {error}") from None


def tone(samples: Array, rate: int, hertz: float | Array, seconds: float) -> Array:
    """Strength of one tone, steady or of a frequency for each sample, averaged over `seconds` around each sample."""
    turning = samples * np.exp(-2j * np.pi / rate * np.cumsum(np.broadcast_to(hertz, samples.shape)))
    width = max(1, round(rate * seconds))
    total = np.concatenate(([0.0], np.cumsum(turning)))
    half = width // 2
    index = np.arange(len(samples))
    low, high = np.maximum(index - half, 0), np.minimum(index - half + width, len(samples))
    return np.abs(total[high] - total[low]) / width


def pitch(samples: Array, rate: int) -> Array:
    """Frequency of the keyed tone at each sample: Doppler that was not tuned away lets it drift."""
    size = rate // 2
    blocks = samples[: len(samples) // size * size].reshape(-1, size)
    if not len(blocks):
        return np.full(len(samples), sum(_CW_HZ) / 2)
    low, high = (round(hertz * size / rate) for hertz in _CW_HZ)
    power = np.abs(np.fft.rfft(blocks * np.hanning(size))[:, low:high]) ** 2
    heard = power.max(axis=1) > power.max() / 10
    at = (np.arange(len(blocks)) + 0.5) * size
    return np.interp(np.arange(len(samples)), at[heard], (low + power.argmax(axis=1))[heard] * rate / size)


def morse(samples: Array, rate: int) -> str:
    """The text of one CW message."""
    thin = max(1, rate // _CW_RATE_HZ)
    samples, rate = samples[: len(samples) // thin * thin].reshape(-1, thin).mean(axis=1), rate // thin
    strength = tone(samples, rate, pitch(samples, rate), 0.02)[:: max(1, round(rate * _CW_STEP_S))]
    quiet, loud = np.percentile(strength, 10), np.percentile(strength, 95)
    if loud < 8 * quiet:  # noise alone gives 5
        return ""
    down = strength > (quiet + loud) / 2
    edges = np.flatnonzero(np.diff(down.astype(np.int8))) + 1
    runs = [run for run in np.split(down, edges) if len(run)]
    marks = [len(run) for run in runs if run[0] and len(run) > 3]
    if not marks:
        return ""
    short = [n for n in marks if n < 2 * min(np.percentile(marks, 15), max(marks) / 2)]
    dit = float(np.median(short)) if short else max(marks) / 3
    text, code = "", ""
    for run in runs:
        units = len(run) / dit
        if run[0]:
            code += ("." if units < 2 else "-") if units > 0.4 else ""
        elif units > 2 and code:
            text += MORSE.get(code, "?") + (" " if units > 5 else "")
            code = ""
    text += MORSE.get(code, "?") if code else ""
    for character, sign in _PROSIGNS.items():
        text = text.replace(character, sign)
    return text.strip()


def afsk1200(samples: Array, rate: int) -> list[str]:
    """AX.25 UI frames whose check sequence is right, as `SOURCE>DESTINATION: text`."""
    bit = rate / _BAUD
    higher = tone(samples, rate, _MARK_HZ, 1 / _BAUD) - tone(samples, rate, _SPACE_HZ, 1 / _BAUD)
    edges = np.flatnonzero(np.diff(np.signbit(higher).astype(np.int8))) + 1
    lengths = np.rint(np.diff(edges) / bit).astype(int)
    return [text for frame in _frames(lengths.tolist()) if (text := _ui(frame))]


def _frames(lengths: list[int]) -> Iterator[bytes]:
    """Bytes between flags, from the lengths of equal tone in bits: a change is a 0, each further bit of it a 1."""
    bits: list[int] = []
    for length in lengths:
        if length == 0:
            continue
        if length >= 7:  # six 1s: a flag; its first 0 ended what was before, and is no data
            whole = bits[: len(bits) // 8 * 8]
            if len(whole) >= 8 * 17 and len(bits) - len(whole) == 1:
                yield bytes(np.packbits(np.array(whole, np.uint8), bitorder="little"))
            bits = []
        else:
            bits += [1] * (length - 1) + ([] if length == 6 else [0])  # the 0 after five 1s is stuffing
    return


def _ui(frame: bytes) -> str:
    if crc_x25(frame) != 0xF0B8:  # residue of a frame with its own check sequence
        return ""
    addresses = 0
    while 7 * addresses + 6 < len(frame) - 2 and not frame[7 * addresses + 6] & 1:
        addresses += 1
    body = 7 * (addresses + 1)
    if addresses < 1 or frame[body : body + 2] != b"\x03\xf0":
        return ""
    text = frame[body + 2 : -2].decode("ascii", "replace")
    return f"{_address(frame[7:14])}>{_address(frame[:7])}: {text}"


def _address(field: bytes) -> str:
    call = bytes(byte >> 1 for byte in field[:6]).decode("ascii", "replace").strip()
    ssid = field[6] >> 1 & 15
    return f"{call}-{ssid}" if ssid else call


def crc_x25(data: bytes) -> int:
    """CRC-16/X.25 register after `data`, not inverted."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8408 if crc & 1 else 0)
    return crc
