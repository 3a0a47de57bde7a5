"""A bench that is a flatsat: boards virtual or emulated, on virtual time, as fast as this computer flies them."""

import os
import signal
from pathlib import Path

from dragonet.bench.benchfile import Bench
from dragonet.bench.tables import Tables
from dragonet.emulator.board import EmulatedBoard
from dragonet.errors import UserError
from dragonet.flatsat import can_faults, holds, scenario
from dragonet.flatsat.canbus import Frame
from dragonet.flatsat.devices.can_frames import FLAG_EXT_ID, FLAG_RTR
from dragonet.flatsat.flight import SECOND_US, Flight
from dragonet.flatsat.one_core import one_core
from dragonet.flatsat.radio.receive import Transmission
from dragonet.flatsat.radio.sound import write_bench_audio
from dragonet.flatsat.scenario_sections import ROLES
from dragonet.ground import keys
from flatsat.bus_node import BusNode
from hil.rig import BUSES, Ear, Rig

_HOURS = 336.0  # longer than any check waits
_SENTENCE_S = 0.05  # 82 characters at 38,400 bit/s take 22 ms


class Battery:
    """A laboratory supply in place of the pack (flatsat/physics/battery.py): what it is set to, whatever is drawn."""

    soc, lost_w = 0.5, 0.0

    def __init__(self, volts: float) -> None:
        self.set_v = self.open_v = self.volts = volts
        self.amps = 0.0
        self.connected = True

    def charge_limit_w(self, temperature_c: float) -> float:
        return 0.0

    def step(self, watts: float, temperature_c: float, seconds: float) -> None:
        self.volts = self.open_v = self.set_v
        self.amps = watts / self.volts if self.connected else 0.0


class FlatsatSupply:
    """It takes effect within a second, as the flatsat's world moves on."""

    def __init__(self, rig: "FlatsatRig", volts: float) -> None:
        self._rig = rig
        self._battery = Battery(volts)
        rig.flight.spacecraft.battery = self._battery  # pyright: ignore[reportAttributeAccessIssue]

    def set(self, volts: float) -> None:
        self._battery.set_v = volts

    def switch(self, on: bool) -> None:
        self._battery.connected = on
        self._rig.wait(1.0)

    def measure(self) -> tuple[float, float]:
        battery = self._battery
        return (battery.volts, -battery.amps) if battery.connected else (0.0, 0.0)


class FlatsatRig(Rig):
    def __init__(self, bench: Bench, tables: Tables, folder: Path) -> None:
        super().__init__(bench, tables, folder)
        assert tables.flatsat is not None
        wanted = tables.flatsat
        if set(self.boards) != set(ROLES):
            raise UserError(f"{bench.path}: a flatsat has the boards {', '.join(ROLES)}")
        self._spoken: list[tuple[float, bytes]] = []
        self.key = keys.KeyFile.make(folder / "bench.key", keys.SLOTS.index("bench"))
        emulated = [role for role, entry in self.boards.items() if entry.kind == "emulated"]
        flown = scenario.load(wanted.scenario).with_hours(_HOURS)
        self.flight = Flight(flown, wanted.seed, folder / "flight", self._sentences, emulated)
        self.flight.provision([self.key])
        for board in self.flight.boards.values():
            holds.write(board.folder, wanted.powered_s)
        self.flight.spacecraft.antenna_deployed = self.flight.spacecraft.ais_antenna_deployed = True  # none to release
        self.seeds = {"flight": wanted.seed}
        self.about = {"kind": "flatsat", "scenario": flown.source, "emulated": ", ".join(emulated) or "none"}
        if tables.bus and tables.bus.gap_us:
            self.about["bus"] = f"{tables.bus.gap_us} us between the bench's frames"
        for number, name in enumerate(BUSES):
            self.ears[name] = Ear(name, bench.csp_version)
            self.flight.buses[number].listeners.append(lambda at, frame, name=name: self._overheard(name, at, frame))
        gap_us = tables.bus.gap_us if tables.bus else 0
        self._nodes = {name: BusNode(self.flight, number, gap_us) for number, name in enumerate(BUSES)}
        self._supply = FlatsatSupply(self, 7.8)
        self._heard = 0
        self.flight.rails.apply()
        self._core = one_core()
        self._core.__enter__()

    def _overheard(self, name: str, time_us: int, frame: Frame) -> None:
        if frame.flags & (FLAG_EXT_ID | FLAG_RTR) == FLAG_EXT_ID:
            self.ears[name].frame(time_us, frame.identifier, frame.data)

    def _sentences(self, from_s: float, to_s: float, *place: float) -> list[tuple[float, bytes]]:
        said = [one for one in self._spoken if one[0] < to_s]
        self._spoken = self._spoken[len(said) :]
        return [(max(from_s, at_s), sentence) for at_s, sentence in said]

    @property
    def now_s(self) -> float:
        return self.flight.t_s

    def wait(self, seconds: float) -> None:
        self.flight.hub.run(self.flight.hub.now_us + round(seconds * SECOND_US))

    def node(self, bus: str = "A") -> BusNode:
        return self._nodes[bus]

    def power(self, role: str, on: bool) -> None:
        (self.flight.rails.cut.discard if on else self.flight.rails.cut.add)(role)
        self.flight.rails.apply()

    def supply(self) -> FlatsatSupply:
        return self._supply

    def hang(self, role: str) -> None:
        board = self.flight.boards[role]
        if isinstance(board, EmulatedBoard):
            board.halt()
        else:  # a virtual board's processor is its process
            os.kill(board.pid, signal.SIGKILL)

    def cut(self, bus: str, role: str, broken: bool) -> None:
        for one in ROLES if role == "all" else (role,):
            can_faults.apply(self.flight.buses, one, f"can_{bus.lower()}_{'off' if broken else 'on'}")

    def listen(self, seconds: float) -> dict[str, Path]:
        since_us = self.flight.hub.now_us
        self.wait(seconds)
        heard = [one for one in self.flight.carrier.sent if one.start_us >= since_us and one.whole]
        self._heard += 1
        return {
            name: self._sound([one for one in heard if one.modulation == kind], f"{name}-{self._heard}.wav")
            for name, kind in (("afsk", "FSK"), ("cw", "OOK"))
        }

    def _sound(self, sent: list[Transmission], name: str) -> Path:
        path = self.folder / name
        write_bench_audio(sent, path, self.seeds["flight"])
        return path

    def ais(self, sentences: list[bytes]) -> None:
        start_s = self.now_s + 1.0
        self._spoken += [(start_s + k * _SENTENCE_S, sentence) for k, sentence in enumerate(sentences)]
        self.wait(3.0 + len(sentences) * _SENTENCE_S)

    def interpreter(self, role: str) -> dict[str, str]:
        said = self.flight.boards[role].implementation
        version = ".".join(str(part) for part in said.get("version", ())[:3])
        return {"interpreter": f"MicroPython {version} on {said.get('machine', 'its machine')}".replace("  ", " ")}

    def close(self) -> None:
        self.flight.stop()
        self._core.__exit__(None, None, None)
