"""A flight in real time with its CAN bus open: the pace, the servers, and the file that tells their ports."""

from __future__ import annotations

import json
import math
from pathlib import Path

from dragonet.errors import UserError
from dragonet.flatsat.can_servers import CanServers
from dragonet.flatsat.flight import Flight
from dragonet.flatsat.pace import Pace

PORTS_FILE = "ports.json"  # in the folder of a flight while it flies
_SERVING_SLICE_S = 0.002
_SPEEDS = (0.001, 1000.0)


class RealTime:
    """speed: None = as fast as it can, or 1 with servers. slcan, socketcand: TCP ports, 0 = any, None = not served.

    UserError: a speed or port that cannot be.
    """

    def __init__(self, speed: float | None, slcan: int | None, socketcand: int | None, bind: str) -> None:
        if speed is not None and not (math.isfinite(speed) and _SPEEDS[0] <= speed <= _SPEEDS[1]):
            lowest, highest = _SPEEDS
            raise UserError(f"--speed {speed:g}: not {lowest:g} to {highest:g}; without it: as fast as it can")
        wanted = {"slcan": slcan, "socketcand": socketcand}
        self.servers: CanServers | None = None
        self.pace: Pace | None = None
        self._file: Path | None = None
        if slcan is not None or socketcand is not None:
            self.servers = CanServers(bind)
            for protocol, port in wanted.items():
                if port is not None:
                    self.servers.listen(protocol, port)
            self.pace = Pace(speed or 1.0, self.servers.wait, _SERVING_SLICE_S)
        elif speed is not None:
            self.pace = Pace(speed)

    def attach(self, flight: Flight) -> None:
        """Join pace and servers to a flight, and write the ports where others find them."""
        if self.pace is not None:
            flight.reports["pace"] = self.pace.report
        servers = self.servers
        if servers is None:
            return
        servers.attach(flight.hub, flight.buses, flight.epoch_us)
        servers.on_note = lambda text: flight.event("bus", text)
        flight.reports["can_servers"] = servers.report
        self._file = flight.out / PORTS_FILE
        self._file.write_text(json.dumps({name: [servers.host, port] for name, port in servers.ports.items()}) + "\n")

    def lines(self) -> list[str]:
        """What a user types to reach the bus."""
        if self.servers is None:
            return []
        host, ports = self.servers.host, self.servers.ports
        shown = f"[{host}]" if ":" in host else host
        vias = {"slcan": f"slcan:socket://{shown}:{{}}", "socketcand": f"socketcand:{shown}:{{}}/can0"}
        return [f"{name}: dragonet bus sniff --via {vias[name].format(port)}" for name, port in ports.items()]

    def close(self) -> None:
        if self.servers is not None:
            self.servers.close()
        if self._file is not None:
            self._file.unlink(missing_ok=True)
