"""SatYAML: the beacon for gr-satellites (https://gr-satellites.readthedocs.io), which reads AFSK by it."""

from __future__ import annotations

import re

from dragonet.errors import UserError

from beacon import text  # isort: skip

_NORAD = 99_999  # none is assigned


def render(name: str, frequency_hz: int, norad: int = _NORAD) -> str:
    """The text of the file. CW is for ears and multimon-ng: gr-satellites does not decode it.

    UserError: the name is none.
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,31}", name):
        raise UserError(f"--name {name!r}: a letter, then up to 31 letters, digits, - or _")
    return f"""\
name: {name}
alternative_names: []
norad: {norad}
data:
  &tlm Text of AX.25 frames ({", ".join(kind for kind, _ in text.FRAMES)}):
    unknown
transmitters:
  1k2 AFSK downlink:
    frequency: {frequency_hz / 1e6:.6f}e+6
    modulation: AFSK
    baudrate: 1200
    af_carrier: 1700
    deviation: 500
    framing: AX.25
    data:
    - *tlm
"""
