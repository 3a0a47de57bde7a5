"""The virtual CAN bus open to programs on the host: TCP servers for slcan and socketcand, without a thread.

`wait` is where a flight in real time spends its idle time (see pace.py): it serves the sockets. No client can stop the
flight: each has bounded queues (bus_client.py), gets a share of each wait, and there are sixteen of them at most.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from dragonet.errors import UserError
from dragonet.flatsat.bus_client import BusClient, Counts
from dragonet.flatsat.canbus import CanBus
from dragonet.flatsat.hub import Hub
from dragonet.flatsat.slcan import SlcanClient
from dragonet.flatsat.socketcand import SocketcandClient

_PROTOCOLS: dict[str, type[BusClient]] = {"slcan": SlcanClient, "socketcand": SocketcandClient}
_MAX_CLIENTS = 16
_MAX_NOTES = 200


class CanServers:
    """bind: the address to listen at. Ports are taken by listen(), clients after attach()."""

    def __init__(self, bind: str = "127.0.0.1") -> None:
        self.hub = Hub()
        self.buses: dict[int, CanBus] = {}
        self.epoch_us = 0
        self.ports: dict[str, int] = {}
        self.counts: dict[str, Counts] = {}
        self.turned_away = 0
        self.on_note: Callable[[str], None] = lambda text: None
        self._notes = 0
        self._bind = bind
        self._selector = selectors.DefaultSelector()
        self._listeners: list[socket.socket] = []
        self._clients: list[BusClient] = []
        self._changed: set[BusClient] = set()  # their interest in reading and writing is to be looked at
        self._held: set[BusClient] = set()  # have output that must wait a little

    def listen(self, protocol: str, port: int) -> int:
        """Serve a protocol of _PROTOCOLS at this port, 0 = any free one. Returns the port; UserError: cannot."""
        try:
            family, kind, number, _, address = socket.getaddrinfo(self._bind, port, type=socket.SOCK_STREAM)[0]
            listener = socket.socket(family, kind, number)
            try:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind(address)
                listener.listen(_MAX_CLIENTS)
            except OSError:
                listener.close()
                raise
        except OSError as error:
            why = f"cannot listen at {self._bind}: {error.strerror or error}; 0 takes any free port"
            raise UserError(f"--{protocol} {port}: {why}") from None
        listener.setblocking(False)
        self._listeners.append(listener)
        self._selector.register(listener, selectors.EVENT_READ, protocol)
        self.ports[protocol] = listener.getsockname()[1]
        self.counts[protocol] = Counts()
        return self.ports[protocol]

    def attach(self, hub: Hub, buses: dict[int, CanBus], epoch_us: int) -> None:
        """Join the servers to a flight. epoch_us: Unix time of mission time zero."""
        self.hub, self.buses, self.epoch_us = hub, buses, epoch_us

    @property
    def host(self) -> str:
        """Where a program on this computer connects to."""
        return {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(self._bind, self._bind)

    # --- what clients ask of their host ---

    def ready(self, client: BusClient) -> None:
        self._changed.add(client)

    def note(self, text: str) -> None:
        self._notes += 1
        if self._notes <= _MAX_NOTES:
            self.on_note(text)

    # --- serving ---

    def wait(self, seconds: float) -> None:
        """Wait so long or until a socket has something; serve what is ready, each socket once."""
        self._settle()
        for key, mask in self._selector.select(seconds):
            if isinstance(key.data, BusClient):
                self._serve(key.data, mask)
            elif isinstance(key.fileobj, socket.socket):
                self._accept(key.fileobj, key.data)

    def _serve(self, client: BusClient, mask: int) -> None:
        try:
            if mask & selectors.EVENT_READ:
                client.read()
            if client.has_output:
                client.write()
        except (OSError, EOFError):
            self._drop(client)
        else:
            self._changed.add(client)

    def _settle(self) -> None:
        """Send what clients have to send, and select on what each can do next."""
        changed = self._changed | self._held
        self._changed.clear()
        self._held.clear()
        for client in changed:
            if client.closed:
                continue
            try:
                if client.has_output:
                    client.write()
            except OSError:
                self._drop(client)
                continue
            mask = (0 if client.full else selectors.EVENT_READ) | (selectors.EVENT_WRITE if client.has_output else 0)
            self._select(client, mask)
            if client.holds:
                self._held.add(client)

    def _select(self, client: BusClient, mask: int) -> None:
        registered = self._selector.get_map().get(client.connection)
        if registered is None:
            if mask:
                self._selector.register(client.connection, mask, client)
        elif not mask:
            self._selector.unregister(client.connection)
        elif registered.events != mask:
            self._selector.modify(client.connection, mask, client)

    def _accept(self, listener: socket.socket, protocol: str) -> None:
        try:
            connection, address = listener.accept()
        except OSError:
            return  # it has gone again
        if len(self._clients) >= _MAX_CLIENTS:
            self.turned_away += 1
            connection.close()
            return
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.counts[protocol].clients += 1
        client = _PROTOCOLS[protocol](self, connection, f"{address[0]}:{address[1]}", self.counts[protocol])
        self._clients.append(client)
        self._changed.add(client)
        self._settle()

    def _drop(self, client: BusClient) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(client.connection)
        self._clients.remove(client)
        client.close()

    def close(self) -> None:
        """End all connections."""
        for client in list(self._clients):
            self._drop(client)
        for listener in self._listeners:
            self._selector.unregister(listener)
            listener.close()
        self._listeners.clear()
        self._selector.close()

    def report(self) -> dict[str, Any]:
        """For summary.json."""
        parts: dict[str, Any] = {name: {"port": self.ports[name], **asdict(self.counts[name])} for name in self.ports}
        return {**parts, "turned_away": self.turned_away}
