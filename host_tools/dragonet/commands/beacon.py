"""`dragonet beacon render`: the sound of one message, sent by the flight encoder and driver through the radio model."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dragonet.errors import UserError

_EPILOG = """Examples:

  dragonet beacon render --mode cw --callsign XV1VN --info TEST --out cw.wav

  dragonet beacon render --mode afsk1200 --callsign XV1VN-11 --info-hex 48656c6c6f --out afsk.wav
"""

app = typer.Typer(add_completion=False, epilog=_EPILOG, help="The beacon's transmissions.")


class Mode(StrEnum):
    """What the beacon can send."""

    cw = "cw"
    afsk1200 = "afsk1200"


@app.callback()
def _beacon() -> None:
    """The beacon's transmissions."""


@app.command()
def render(
    mode: Annotated[
        Mode, typer.Option(help="cw: Morse, 'VVV DE <callsign> <info>'. afsk1200: one AX.25 frame to BEACON.")
    ],
    callsign: Annotated[str, typer.Option(help="Up to six of A-Z and 0-9, then -SSID if any.")],
    out: Annotated[Path, typer.Option(help="The WAV file to write: 48 kHz, 16 bits, mono.")],
    info: Annotated[str | None, typer.Option(help="The message.")] = None,
    info_hex: Annotated[str | None, typer.Option("--info-hex", help="The message as hexadecimal bytes.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say what was made as a line of JSON.")] = False,
) -> None:
    """Write the sound of one message, as a receiver hears what the flight code tells the radio chip to send."""
    if (info is None) == (info_hex is None):
        raise UserError("give the message either as --info TEXT or as --info-hex HEX")
    message = _hex(info_hex) if info_hex is not None else (info or "").encode()
    if not out.parent.is_dir():
        raise UserError(f"--out {out}: there is no folder {out.parent}")
    if out.is_dir():
        raise UserError(f"--out {out}: is a folder; give the name of a WAV file")

    from dragonet.flatsat.radio import bench, sound

    sent = bench.transmit(mode.value, callsign.upper(), message)
    try:
        clips = sound.write_bench_audio(sent.transmissions, out)
    except OSError as error:
        raise UserError(f"--out {out}: {error.strerror}") from None
    one = sent.transmissions[0]
    seconds = clips[-1].offset_s + clips[-1].seconds + sound.SILENCE_S
    facts = {
        "mode": mode.value,
        "callsign": callsign.upper(),
        "sent": sent.message.decode(errors="replace") if mode is Mode.cw else sent.message.hex(),
        "out": str(out),
        "seconds": round(seconds, 3),
        "sample_rate_hz": sound.AUDIO_HZ,
        "on_air_s": round(sum(each.seconds for each in sent.transmissions), 3),
        "modulation": one.modulation,
        "bit_rate": round(one.bit_rate, 1),
        "deviation_hz": round(one.deviation_hz),
        "frequency_hz": round(one.frequency_hz),
        "encoder": " ".join(sent.implementation),
    }
    if as_json:
        print(json.dumps(facts))
    else:
        print(f"{out}: {seconds:.1f} s, of which {facts['on_air_s']:.1f} s on the air ({one.modulation})")


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise UserError(f"--info-hex {text!r}: not hexadecimal bytes, such as 54657374") from None
