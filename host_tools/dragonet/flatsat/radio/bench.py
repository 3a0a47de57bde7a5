"""A beacon board alone on a bench: flight encoder and driver, run by MicroPython, send one message to a chip model."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dragonet import micropython, paths
from dragonet.errors import UserError
from dragonet.flatsat.radio.receive import Receiver, Transmission

_SCRIPT = Path(__file__).with_name("bench_transmit.py")
_TIMEOUT_S = 60
_HEAP_BYTES = 4_000_000


@dataclass(frozen=True)
class Sent:
    """What the board did: transmissions, the bytes of the message or frame, the interpreter (name, version)."""

    transmissions: list[Transmission]
    message: bytes
    implementation: tuple[str, str]


def transmit(mode: str, callsign: str, info: bytes, frequency_hz: int = 437_365_000) -> Sent:
    """mode: "cw" or "afsk1200". UserError: the flight code refuses the call sign or the information, or cannot run."""
    task = {
        "mode": mode,
        "callsign": callsign,
        "info": info.hex(),
        "frequency_hz": frequency_hz,
        "paths": [
            str(folder) for folder in (paths.VIRTUAL_BOARD, paths.FIRMWARE, paths.BOARDS / "beacon", paths.HOST_TOOLS)
        ],
    }
    try:
        run = subprocess.run(
            [micropython.find(), "-X", f"heapsize={_HEAP_BYTES}", str(_SCRIPT)],
            input=json.dumps(task) + "\n", capture_output=True, text=True, timeout=_TIMEOUT_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(f"the beacon board on the bench did not run: {error}") from None
    receiver = Receiver()
    answer: dict[str, Any] = {}
    for line in run.stdout.splitlines():
        try:
            answer = json.loads(line)
        except ValueError:
            break
        if answer["kind"] == "radio":
            receiver.record(answer["us"], bytes.fromhex(answer["hex"]))
    if answer.get("kind") == "refused":
        raise UserError(answer["why"])
    if answer.get("kind") != "done" or not answer["good"]:
        words = (run.stderr.strip() or run.stdout.strip() or f"exit code {run.returncode}").splitlines()[-1]
        raise UserError(f"the beacon board on the bench failed: {words}")
    name, version = answer["implementation"]
    return Sent(receiver.done, bytes.fromhex(answer["sent"]), (name, version))
