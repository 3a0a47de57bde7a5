"""A bench at a satellite that flies in virtual time: its key, its node on the bus, and `dragonet` as one calls it."""

from __future__ import annotations

import contextlib
import io
import json
import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dragonet import cli
from dragonet.commands import options
from dragonet.deploy.updater import Updater
from dragonet.flatsat import scenario
from dragonet.flatsat.flight import SECOND_US, Flight
from dragonet.flatsat.one_core import one_core
from dragonet.ground import frames, keys
from flatsat.bus_node import BusNode


class Packet(NamedTuple):
    """As on the bus, data without CRC."""

    src: int
    dst: int
    dport: int
    sport: int
    data: bytes


class Node(BusNode):
    """The bench's node, which hears everything and says any packet. sent: its own packets."""

    def __init__(self, flight: Flight) -> None:
        super().__init__(flight)
        self._port = 17  # not as the wall clock says
        self.heard: list[Packet] = []

    @property
    def sent(self) -> int:
        return self._count

    def _take(self, time_us: int, one: Any, data: bytes) -> None:
        self.heard.append(Packet(one.src, one.dst, one.dport, one.sport, bytes(data)))
        super()._take(time_us, one, data)

    def say(self, packet: Packet) -> bytes | None:
        """The answer to a packet, whoever seems to have sent it. Takes 70 ms: no board is flooded."""
        self.heard.clear()
        one = frames.make(*packet, self.version)
        for identifier, fragment in frames.frames(one, self.version, self._count):
            self.wire.send(identifier, fragment)
        self._count += 1
        self.wait(0.07)
        back = (packet.dst, packet.src, packet.sport, packet.dport)
        return next((bytes(heard.data) for heard in self.heard if heard[:4] == back), None)


class Bench(NamedTuple):
    flight: Flight
    node: Node
    key: keys.KeyFile

    def updater(self, role: str) -> Updater:
        return Updater(self.node.commander(role, self.key), self.node.wait)

    def revision(self, role: str) -> str:
        found = self.node.ident(self.node.commander(role).address, 1.0)
        return next(iter(found.values()))["revision"] if found else ""

    def events(self, source: str) -> list[str]:
        return [one["event"] for one in self.flight.events if one["source"] == source]

    def cycle(self, role: str, off_s: float = 0.0, on_s: float = 10.0) -> None:
        """Power off, and on again."""
        self.flight.fault(role, "power_off")
        self.node.wait(off_s)
        self.flight.fault(role, "power_on")
        self.node.wait(on_s)


@contextmanager
def flying(folder: Path, others: Sequence[str] = ()) -> Iterator[Bench]:
    """Three boards that have the bench's key, and those of other slots: SLOT.key. Ten seconds after separation."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys.secrets, "token_bytes", random.Random(1).randbytes)  # every run is the same
        key, *more = [keys.KeyFile.make(folder / f"{slot}.key", keys.SLOTS.index(slot)) for slot in ("bench", *others)]
    flight = Flight(scenario.load("nanodragon").with_hours(1.0), 1, folder / "out", lambda *_: [])
    flight.provision([key, *more])
    try:
        with one_core():
            flight.rails.apply()
            flight.hub.run(10 * SECOND_US)
            yield Bench(flight, Node(flight), key)
    finally:
        flight.stop()


class Shell:
    """dragonet(...) from a command line to exit code and output, on this bench's bus. told: all that was ever printed.

    Lives in a `patch` of the process.
    """

    def __init__(self, bench: Bench, patch: pytest.MonkeyPatch) -> None:
        self.bench = bench
        self.told: list[str] = []
        self._patch = patch
        patch.setattr(options, "open_link", lambda *_: contextlib.nullcontext())
        patch.setattr(options, "CspClient", lambda *_, **__: bench.node)
        patch.delenv("DRAGONET_KEY", raising=False)

    def __call__(self, *arguments: str, code: int = 0) -> str:
        """What it printed: on stdout when it succeeded, on stderr when it did not. code: the exit code it must have."""
        out, err = io.StringIO(), io.StringIO()
        self._patch.setattr(sys, "argv", ["dragonet", *arguments])
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as ended:
            cli.main()
        self.told.append(out.getvalue() + err.getvalue())
        assert ended.value.code == code, (arguments, self.told[-1])
        return out.getvalue() if code == 0 else err.getvalue()

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json"))

    def signed(self, *arguments: str, code: int = 0) -> str:
        """With the bench's key."""
        return self(*arguments, "--key", str(self.bench.key.path), code=code)
