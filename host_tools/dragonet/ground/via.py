"""A CAN bus reached by python-can: adapters, the servers of a flight, or whatever else python-can knows.

  slcan:socket://127.0.0.1:3333      slcan over TCP         slcan:/dev/ttyACM0         a serial adapter
  socketcand:127.0.0.1:29536/can0    a socketcand server    socketcan:can0             SocketCAN of this computer
  gs_usb:0                           the first candleLight  INTERFACE:CHANNEL          any other of python-can's
  flight                             the flight in flights/latest
  flight:DIR                         the flight that writes to DIR
"""

from __future__ import annotations

import contextlib
import json
import logging
import queue
import re
import socket
import sys
import threading
import time
from collections.abc import Callable
from importlib.metadata import metadata
from pathlib import Path
from typing import Any, TypeVar

import can
from can.interfaces import VALID_INTERFACES

from dragonet.errors import UserError

DEFAULT_BIT_RATE = 500_000
_LATEST = Path("flights/latest")
_OPEN_S = 8.0  # no longer, whatever an interface waits for
_CONNECT_S = 4.0
_SEND_S = 2.0
_CALM_S = 0.12  # a flight's server gives its first frames so late, see flatsat/socketcand.py
_T = TypeVar("_T")


class Link:
    """An open bus; what goes wrong with it is a UserError."""

    def __init__(self, bus: can.BusABC, text: str) -> None:
        self.text = text
        self._bus = bus
        # python-can's socketcand takes the end of its connection for silence: look at it ourselves
        sockets = (value for value in vars(bus).values() if isinstance(value, socket.socket))
        self._socket = next(sockets, None) if text.startswith("socketcand:") else None

    def __enter__(self) -> Link:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(can.CanError, OSError):
            self._bus.shutdown()

    def send(self, identifier: int, data: bytes) -> None:
        """One extended frame."""
        message = can.Message(arbitration_id=identifier, is_extended_id=True, data=data, check=True)
        try:
            self._bus.send(message, timeout=_SEND_S)
        except (can.CanError, OSError) as error:
            raise self._lost(error) from None

    def receive(self, timeout_s: float) -> can.Message | None:
        """The next frame, or None after timeout_s."""
        try:
            message = self._bus.recv(min(timeout_s, 0.5) if self._socket else timeout_s)
            if message is None and self._socket is not None and self._ended(self._socket):
                raise self._lost("the other side closed the connection")
        except (can.CanError, OSError, ValueError) as error:
            raise self._lost(error) from None
        return message

    @staticmethod
    def _ended(connection: socket.socket) -> bool:
        try:
            return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False

    def _lost(self, why: object) -> UserError:
        return UserError(f"--via {self.text}: the bus is gone: {_one_line(why)}")


def is_data(message: can.Message) -> bool:
    """An extended data frame, as CSP uses them."""
    return message.is_extended_id and not (message.is_remote_frame or message.is_error_frame or message.is_fd)


def open_link(text: str, bit_rate: int = DEFAULT_BIT_RATE) -> Link:
    """Open a bus named as above. UserError: wrong syntax, unknown interface, nobody there, within 10 s."""
    logging.getLogger("can").setLevel(logging.CRITICAL)  # what goes wrong is told here, once
    shown = text if text.partition(":")[0] != "flight" else _of_flight(text)
    options = _options(shown, bit_rate)
    if options["interface"] == "socketcand":
        _within(lambda: socket.create_connection((options["host"], options["port"]), _CONNECT_S).close(), text)
    link = Link(_within(lambda: can.Bus(**options), text), shown)
    if options["interface"] == "socketcand":
        time.sleep(_CALM_S)
    return link


def _options(text: str, bit_rate: int) -> dict[str, Any]:
    """Arguments of can.Bus."""
    interface, _, channel = text.partition(":")
    if interface not in VALID_INTERFACES:
        raise UserError(f"--via {text}: no interface {interface!r}; 'dragonet bus --help' shows the forms")
    if interface == "socketcand":
        found = re.fullmatch(r"(\[[^]]+\]|[^:/]+):(\d{1,5})(?:/(\w+))?", channel)
        if found is None or not 0 < int(found[2]) < 65536:
            raise UserError(f"--via {text}: must look like socketcand:127.0.0.1:29536/can0")
        where = {"host": found[1].strip("[]"), "port": int(found[2]), "channel": found[3] or "can0"}
        return {"interface": interface, **where, "tcp_tune": True}
    if not channel:
        raise UserError(f"--via {text}: the channel is missing, as in {interface}:{_example(interface)}")
    options: dict[str, Any] = {"interface": interface, "channel": int(channel) if channel.isdigit() else channel}
    if interface not in ("socketcan", "virtual", "udp_multicast"):  # they have no bit rate or have it set already
        options["bitrate"] = bit_rate
    if interface == "slcan" and "://" in channel:
        options["sleep_after_open"] = 0.0  # no USB adapter that starts up
    if interface == "gs_usb":
        options["index"] = options["channel"]
    return options


def _example(interface: str) -> str:
    return {"slcan": "socket://127.0.0.1:3333", "gs_usb": "0"}.get(interface, "can0")


def _of_flight(text: str) -> str:
    """The bus of a flight ("flight" or "flight:DIR"), from the ports it wrote."""
    folder = Path(text.partition(":")[2] or _LATEST)
    path = folder / "ports.json"
    try:
        ports = json.loads(path.read_text())
        for protocol, form in (("socketcand", "socketcand:{}:{}/can0"), ("slcan", "slcan:socket://{}:{}")):
            if protocol in ports:
                return form.format(*ports[protocol])
    except (OSError, ValueError, TypeError):
        pass
    start = f"dragonet fly --socketcand 0 --out {folder}"
    raise UserError(f"--via {text}: no flight with an open bus in {folder} (no {path}): start one with '{start}'")


def _within(function: Callable[[], _T], text: str) -> _T:
    """What function() returns. UserError: it failed, or took longer than _OPEN_S (a name server, a silent peer)."""
    results: queue.Queue[tuple[bool, Any]] = queue.Queue()

    def run() -> None:
        try:
            results.put((True, function()))
        except Exception as error:  # python-can's interfaces raise what their libraries raise
            results.put((False, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        good, result = results.get(timeout=_OPEN_S)
    except queue.Empty:
        raise UserError(f"--via {text}: no answer within {_OPEN_S:.0f} s") from None
    if not good:
        raise UserError(f"--via {text}: {_one_line(result)}{_remedy(text, result)}")
    return result


def _remedy(text: str, error: object) -> str:
    """How to install what an interface needs, if python-can knows."""
    extra = text.partition(":")[0].replace("_", "-")
    if "No module named" in str(error) and extra in (metadata("python-can").get_all("Provides-Extra") or ()):
        return f"; install it: {sys.executable} -m pip install 'python-can[{extra}]'"
    return ""


def _one_line(error: object) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or error.__class__.__name__
