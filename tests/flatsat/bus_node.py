"""A CSP node of the bench on a bus of a flight, in virtual time: asking and waiting lets the flight go on."""

from collections.abc import Iterator

from dragonet.flatsat.canbus import CanBus, Controller, Frame
from dragonet.flatsat.devices.can_frames import FLAG_EXT_ID
from dragonet.flatsat.flight import SECOND_US, Flight
from dragonet.flatsat.hub import Hub
from dragonet.ground.commander import Commander
from dragonet.ground.csp_client import CspClient, Reply
from dragonet.ground.keys import KeyFile

_STEP_US = 1_000
_BITRATE = 500_000


class _Wire:
    """What CspClient sends through: a controller with a queue on the bus."""

    def __init__(self, hub: Hub, bus: CanBus, gap_us: int) -> None:
        self._hub = hub
        self._bus = bus
        self._gap_us = gap_us
        self._queue: list[Frame] = []
        self._busy = False
        self.heard: list[tuple[int, Frame]] = []
        self._controller = Controller("bench", self._sent, self._received, lambda: None, filters=None)
        bus.attach(self._controller)
        bus.start(self._controller, 0, _BITRATE)

    def send(self, identifier: int, data: bytes) -> None:
        self._queue.append(Frame(identifier, FLAG_EXT_ID, data))
        self._next()

    def _next(self) -> None:
        if not self._busy and self._queue:
            self._busy = True
            self._bus.send(self._controller, 0, self._queue.pop(0), self._bus.now_us)

    def _sent(self, slot: int, ok: bool) -> None:
        if self._gap_us:
            self._hub.at(self._hub.now_us + self._gap_us, self._ready)
        else:
            self._ready()

    def _ready(self) -> None:
        self._busy = False
        self._next()

    def _received(self, frame: Frame, number: int) -> None:
        self.heard.append((self._bus.now_us, frame))


class BusNode(CspClient):
    """The bench's node 30 on the bus of a flight. gap_us: between its frames, for boards that take them slower."""

    def __init__(self, flight: Flight, bus: int = 0, gap_us: int = 0) -> None:
        self.flight = flight
        self.wire = _Wire(flight.hub, flight.buses[bus], gap_us)
        super().__init__(self.wire)  # pyright: ignore[reportArgumentType]

    def wait(self, seconds: float) -> None:
        """The flight goes on."""
        self._until(self.flight.hub.now_us + round(seconds * SECOND_US))

    def listen(
        self, dst: int, dport: int, sport: int, timeout_s: float, asked_s: float | None = None
    ) -> Iterator[Reply]:
        hub = self.flight.hub
        began_us = hub.now_us
        until_us = began_us + round(timeout_s * SECOND_US)
        while True:
            while self._arrived:
                src, to_port, from_port, content, at_s = self._arrived.popleft()
                if to_port == sport and from_port == dport and dst in (src, self.broadcast):
                    yield Reply(src, content, (at_s - self._began) * 1000 - began_us / 1000)
            if hub.now_us >= until_us:
                return
            self._until(min(until_us, hub.now_us + _STEP_US))

    def _until(self, time_us: int) -> None:
        self.flight.hub.run(time_us)
        heard, self.wire.heard[:] = self.wire.heard[:], []
        for at_us, frame in heard:
            if frame.flags & FLAG_EXT_ID:
                self._packets.frame(at_us, frame.identifier, frame.data)

    def commander(self, role: str, key: KeyFile | None = None) -> Commander:
        return Commander(self, role, key, timeout_s=1.0)
