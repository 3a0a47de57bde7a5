"""What a check sees of a bench, whatever it is made of. rig_flatsat.py and rig_hardware.py are the kinds there are."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from dragonet import paths
from dragonet.bench.benchfile import Bench, Entry
from dragonet.bench.tables import Tables
from dragonet.deploy.updater import Updater
from dragonet.errors import NotDone
from dragonet.flatsat.housekeeping import tables as telemetry_tables
from dragonet.ground import telemetry
from dragonet.ground.bus_packets import BusPackets
from dragonet.ground.commander import Commander
from dragonet.ground.csp_client import CspClient
from dragonet.ground.keys import KeyFile

paths.use_firmware()

from core import heartbeat, ports  # noqa: E402

BUSES = ("A", "B")
SYSTEM = 1  # telemetry set


class NotPossible(Exception):
    """This bench has not what a check needs: what, and what would make it possible."""


class Supply(Protocol):
    """The supply that stands for the battery."""

    def set(self, volts: float) -> None: ...

    def switch(self, on: bool) -> None: ...

    def measure(self) -> tuple[float, float]:
        """Volts and amperes at its terminals, amperes positive into the bench."""
        ...


@dataclass(frozen=True)
class Beat:
    """A heartbeat that was overheard. at_s: of the bench's clock. bus: of BUSES."""

    at_s: float
    bus: str
    role: str
    mode: int
    cause: int
    boots: int
    dictionary: int


class Ear:
    """Overhears one bus: heartbeats, and packets of housekeeping as (at_s, role, values in units)."""

    def __init__(self, bus: str, version: int) -> None:
        self.bus = bus
        self.beats: list[Beat] = []
        self.housekeeping: list[tuple[float, str, dict[str, Any]]] = []
        self._roles = {ports.ADDRESSES[role]: role for role in ports.BOARDS}
        self._tables = telemetry_tables()
        self.packets = BusPackets(self._packet, version, admit_no_crc=True)

    def frame(self, time_us: int, identifier: int, data: bytes) -> None:
        self.packets.frame(time_us, identifier, data)

    def _packet(self, time_us: int, packet: Any, data: bytes) -> None:
        role = self._roles.get(packet.src)
        if role is None:
            return
        if packet.dport == ports.HEARTBEAT and len(data) == heartbeat.SIZE:
            self.beats.append(Beat(time_us / 1e6, self.bus, role, *heartbeat.unpack(data)))
        elif packet.dport == ports.HK and len(data) == self._tables[role].size:
            table = self._tables[role]
            self.housekeeping.append((time_us / 1e6, role, table.scaled(table.unpack(data))))


class Rig(ABC):
    """A bench with its power on. What a kind of bench has not, raises NotPossible.

    roles: of its boards. key: the bench's, of slot "bench". about: for the report. seeds: of whatever is random.
    """

    def __init__(self, bench: Bench, tables: Tables, folder: Path) -> None:
        self.bench = bench
        self.tables = tables
        self.folder = folder
        self.checks = tables.checks
        self.boards: dict[str, Entry] = {entry.role: entry for entry in bench.boards}
        self.about: dict[str, Any] = {}
        self.seeds: dict[str, int] = {}
        self.ears: dict[str, Ear] = {}

    @property
    def roles(self) -> list[str]:
        """Of its boards, in the order of ports.BOARDS."""
        return [role for role in ports.BOARDS if role in self.boards]

    @property
    def turns(self) -> list[str]:
        """The boards that a check which takes a while for each goes through."""
        return [role for role in self.roles if role == self.checks.turns] or self.roles

    @property
    def left_out(self) -> list[str]:
        """For the notes of a check that goes through `turns`: who was not asked, and why."""
        others = [role for role in self.roles if role not in self.turns]
        return [f"{', '.join(others)}: not asked, turns = {self.checks.turns!r} in the bench file"] if others else []

    # --- what a kind of bench provides ---

    key: KeyFile

    @property
    @abstractmethod
    def now_s(self) -> float:
        """The bench's clock."""

    @abstractmethod
    def wait(self, seconds: float) -> None:
        """Time passes on the bench."""

    @abstractmethod
    def node(self, bus: str = "A") -> CspClient:
        """The bench's CSP node on a bus."""

    @abstractmethod
    def power(self, role: str, on: bool) -> None:
        """Give or cut the supply of one board."""

    @abstractmethod
    def supply(self) -> Supply:
        """The supply of all boards."""

    @abstractmethod
    def hang(self, role: str) -> None:
        """The board's program stops, and nobody feeds its watchdog."""

    @abstractmethod
    def cut(self, bus: str, role: str, broken: bool) -> None:
        """Break a board's wires to one bus, or mend them. role "all": of every board."""

    @abstractmethod
    def listen(self, seconds: float) -> dict[str, Path]:
        """Sound of that time: "afsk" and "cw" -> WAV file, 48 kHz mono, silent at its end."""

    @abstractmethod
    def ais(self, sentences: list[bytes]) -> None:
        """Have the AIS receiver say this; returns when it has."""

    def interpreter(self, role: str) -> dict[str, str]:
        """What runs the board, as far as the bench knows without asking it."""
        return {}

    @abstractmethod
    def close(self) -> None: ...

    # --- what is the same on all ---

    def commander(self, role: str, key: KeyFile | None = None) -> Commander:
        return Commander(self.node(), role, key, timeout_s=1.0)

    def signed(self, role: str) -> Commander:
        return self.commander(role, self.key)

    def updater(self, role: str) -> Updater:
        return Updater(self.signed(role), self.wait)

    def told(self, role: str, number: int = 0) -> dict[str, telemetry.Value]:
        """A set of telemetry, asked for now. NotDone: no answer."""
        commander = self.commander(role)
        reply = commander.call("tm_get", set=number)
        return {one.name: one for one in telemetry.values(commander.dictionary, number, reply.data)}

    def value(self, role: str, name: str) -> Any:
        return self.told(role)[name].value

    def ident(self, role: str, bus: str = "A") -> dict[str, str]:
        """Empty: no answer."""
        return next(iter(self.node(bus).ident(ports.ADDRESSES[role], 1.0).values()), {})

    def beats(self, role: str = "", bus: str = "", since_s: float = 0.0) -> list[Beat]:
        """Heartbeats overheard, in order."""
        found = [
            beat for name, ear in self.ears.items() for beat in ear.beats
            if bus in ("", name) and role in ("", beat.role) and beat.at_s >= since_s
        ]  # fmt: skip
        return sorted(found, key=lambda beat: beat.at_s)

    def until_heard(self, role: str, since_s: float, limit_s: float) -> float | None:
        """Seconds from since_s to the board's first heartbeat after it; None: silent for limit_s."""
        while True:
            found = self.beats(role, since_s=since_s)
            if found:
                return found[0].at_s - since_s
            if self.now_s - since_s >= limit_s:
                return None
            self.wait(0.5)

    def until(self, seconds: float, step_s: float = 1.0) -> Iterator[None]:
        """For `seconds` of the bench's clock, again and again."""
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            yield
            self.wait(min(step_s, max(0.0, end_s - self.now_s)))

    def quiet_told(self, role: str) -> dict[str, telemetry.Value] | None:
        """As told(), None when it does not answer."""
        try:
            return self.told(role)
        except NotDone:
            return None

    def state(self, role: str) -> dict[str, Any]:
        """What the report shows of a board."""
        found: dict[str, Any] = {"role": role, "reached by": self.boards[role].reach, **self.interpreter(role)}
        try:
            found |= {name: text for name, text in self.ident(role).items() if name in ("model", "revision") and text}
            board, status = self.updater(role).board(), self.updater(role).status()
            found |= {"target": board.target, "uid": board.uid.hex(), "runs": status.running, "update": status.state}
            found |= {"version": status.version} if status.version else {}
            told = self.told(role)
            names = ("mission_s", "uptime_s", "boots", "reset_cause", "restarts", "faults", "limits")
            found |= {name: told[name].value for name in names}
        except NotDone as error:
            found["state"] = str(error)
        return found
