"""A flight in real time, whose bus programs join by python-can.

Run as a program, it is `dragonet` on flight code with files laid over it:  flying.py OVERLAY.json ARGUMENTS...
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import can
import pytest

from dragonet import paths

TESTS = Path(__file__).parents[1]
DRAGONET = [sys.executable, "-m", "dragonet.cli"]
ENV = {**os.environ, "PYTHONPATH": os.pathsep.join((str(paths.HOST_TOOLS), str(TESTS))), "COLUMNS": "120"}


class Flying:
    """A flight in real time with both servers. overlay: {path below firmware/: text}, as in flatsat/flyer.py."""

    def __init__(
        self, out: Path, speed: str = "1", scenario: str | None = None, overlay: dict[str, str] | None = None,
        keys: tuple[Path, ...] = (),
    ) -> None:  # fmt: skip
        self.out = out
        command = [*DRAGONET] if overlay is None else [sys.executable, __file__, self._order(overlay)]
        command += ["fly", "--speed", speed, "--slcan", "0", "--socketcand", "0", "--out", str(out), "--json"]
        for key in keys:
            command += ["--key", str(key)]
        if scenario is not None:
            command += ["--scenario", scenario]
        self._log = (out.parent / "log").open("w")
        self.process = subprocess.Popen(command, stdout=self._log, stderr=subprocess.STDOUT, env=ENV)
        until = time.monotonic() + 30
        while not (out / "ports.json").exists() and time.monotonic() < until:
            assert self.process.poll() is None, (out.parent / "log").read_text()
            time.sleep(0.1)
        time.sleep(2.0)  # the boards boot
        found = json.loads((out / "ports.json").read_text())
        self.slcan, self.socketcand = found["slcan"][1], found["socketcand"][1]

    def _order(self, overlay: dict[str, str]) -> str:
        order = self.out.parent / "overlay.json"
        order.write_text(json.dumps(overlay))
        return str(order)

    def bus(self, interface: str) -> can.BusABC:
        if interface == "slcan":
            return can.Bus(interface="slcan", channel=f"socket://127.0.0.1:{self.slcan}", bitrate=500_000)
        return can.Bus(interface="socketcand", host="127.0.0.1", port=self.socketcand, channel="can0")

    def via(self, interface: str) -> str:
        if interface == "slcan":
            return f"slcan:socket://127.0.0.1:{self.slcan}"
        return f"socketcand:127.0.0.1:{self.socketcand}/can0"

    def stop(self) -> dict:
        """End it as Ctrl-C does; its summary."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30)
        self._log.close()
        if not (self.out / "summary.json").exists():
            pytest.fail((self.out.parent / "log").read_text())
        return json.loads((self.out / "summary.json").read_text())


def main() -> None:
    from dragonet import cli
    from flatsat import flyer

    order = json.loads(Path(sys.argv.pop(1)).read_text())
    with tempfile.TemporaryDirectory() as folder:
        flyer.overlay(order, Path(folder))
        cli.main()


if __name__ == "__main__":
    main()
