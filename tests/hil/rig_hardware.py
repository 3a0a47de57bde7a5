"""A bench of real boards: serial ports, CAN adapters by python-can, a supply by VISA, receivers' sound.

Waits are in seconds of wall time. What the bench file does not name raises NotPossible with the table that would.
"""

import shutil
import subprocess
import time
from pathlib import Path

import can
import serial

from dragonet.bench import instruments
from dragonet.bench.benchfile import Bench
from dragonet.bench.tables import Tables
from dragonet.errors import UserError
from dragonet.ground.csp_client import CspClient
from dragonet.ground.keys import KeyFile
from dragonet.ground.via import Link, is_data, open_link
from hil.rig import BUSES, Ear, NotPossible, Rig

AIS_BAUD = 38_400
_SLICE_S = 0.05
_SOUND_HZ = 48_000


class Tap:
    """A bus that the bench's node uses, and that is overheard all the while."""

    def __init__(self, rig: "HardwareRig", link: Link, ear: Ear) -> None:
        self._rig, self._link, self._ear = rig, link, ear

    def send(self, identifier: int, data: bytes) -> None:
        self._link.send(identifier, data)
        if self._rig.gap_s:
            time.sleep(self._rig.gap_s)

    def receive(self, timeout_s: float) -> can.Message | None:
        """As Link.receive; what came on the other bus is overheard too."""
        self._rig.drain(self)
        return self.hear(timeout_s)

    def hear(self, timeout_s: float) -> can.Message | None:
        message = self._link.receive(timeout_s)
        if message is not None and is_data(message):
            self._ear.frame(round(self._rig.now_s * 1e6), message.arbitration_id, bytes(message.data))
        return message


class HardwareRig(Rig):
    def __init__(self, bench: Bench, tables: Tables, folder: Path) -> None:
        super().__init__(bench, tables, folder)
        if bench.via is None:
            raise UserError(f"{bench.path}: via is missing: the CAN bus of the bench, as 'dragonet bus --help' shows")
        if bench.key is None:
            raise UserError(f'{bench.path}: key is missing: the file of slot "bench" that the boards were given')
        self.key = KeyFile.load(bench.key)
        self._began = time.monotonic()
        self.gap_s = tables.bus.gap_us / 1e6 if tables.bus else 0.0
        self._supply: instruments.Supply | None = None
        self._links: list[Link] = []
        self._taps: dict[str, Tap] = {}
        self._nodes: dict[str, CspClient] = {}
        if tables.supply is not None:
            self._supply = instruments.Supply(tables.supply)
        self._array = instruments.Array(tables.array) if tables.array is not None else None
        ways = {"A": bench.via, "B": tables.bus.b if tables.bus else ""}
        for name in BUSES:
            self.ears[name] = Ear(name, bench.csp_version)
            if ways[name]:
                link = open_link(ways[name], bench.bitrate)
                self._links.append(link)
                self._taps[name] = Tap(self, link, self.ears[name])
                self._nodes[name] = CspClient(self._taps[name], version=bench.csp_version)  # pyright: ignore
        names = [one.name for one in (self._supply, self._array) if one is not None]
        self.about = {"kind": "hardware", "bus": bench.via, "instruments": ", ".join(names) or "none"}

    @property
    def now_s(self) -> float:
        return time.monotonic() - self._began

    def wait(self, seconds: float) -> None:
        until_s = self.now_s + seconds
        while (left_s := until_s - self.now_s) > 0:
            for tap in self._taps.values():
                tap.hear(min(left_s, _SLICE_S))

    def drain(self, but: Tap) -> None:
        """Hear what waits on the other buses."""
        for tap in self._taps.values():
            while tap is not but and tap.hear(0.0) is not None:
                pass

    def node(self, bus: str = "A") -> CspClient:
        if bus not in self._nodes:
            raise NotPossible(f"no CAN {bus}: name its adapter, [bus] b = ... in {self.bench.path.name}")
        return self._nodes[bus]

    def power(self, role: str, on: bool) -> None:
        raise NotPossible("boards of this bench share one supply")

    def supply(self) -> instruments.Supply:
        if self._supply is None:
            raise NotPossible(f"no supply: add a table [supply] to {self.bench.path.name}")
        return self._supply

    def hang(self, role: str) -> None:
        raise NotPossible("only a debugger stops a flight app: the check of an image that hangs shows its watchdog")

    def cut(self, bus: str, role: str, broken: bool) -> None:
        raise NotPossible("no relay in the wires of a bus: pull CAN A's plug and watch 'dragonet bench ls --watch'")

    def listen(self, seconds: float) -> dict[str, Path]:
        """From sound cards by arecord, which is ALSA's, while time passes; WAV files are taken as they are."""
        radio = self.tables.radio
        if radio is None or not (radio.fm or radio.cw):
            raise NotPossible(f"no receiver: add a table [radio] to {self.bench.path.name}")
        found: dict[str, Path] = {}
        running = []
        for name, source in (("afsk", radio.fm), ("cw", radio.cw)):
            if not source:
                continue
            if source.endswith(".wav"):
                found[name] = self.bench.path.parent / source
                continue
            if shutil.which("arecord") is None:
                raise UserError("arecord is missing: apt-get install alsa-utils")
            found[name] = self.folder / f"{name}.wav"
            command = ["arecord", "-q", "-D", source, "-f", "S16_LE", "-c", "1", "-r", str(_SOUND_HZ)]
            running.append(subprocess.Popen([*command, "-d", str(round(seconds)), str(found[name])]))
        self.wait(seconds)
        for process in running:
            if process.wait(10) != 0:
                raise UserError(f"arecord failed with {process.returncode}: 'arecord -l' lists the sound cards")
        return found

    def ais(self, sentences: list[bytes]) -> None:
        if self.tables.ais is None:
            raise NotPossible(f"no UART in place of the AIS receiver: add a table [ais] to {self.bench.path.name}")
        try:
            with serial.serial_for_url(self.tables.ais.port, AIS_BAUD, write_timeout=5) as port:
                for sentence in sentences:
                    port.write(sentence)
                    self.wait(_SLICE_S)
        except (serial.SerialException, OSError) as error:
            raise UserError(f"{self.tables.ais.port}: {error}") from None

    def close(self) -> None:
        for link in self._links:
            link.__exit__()
        for one in (self._supply, self._array):
            if one is not None:
                one.close()
