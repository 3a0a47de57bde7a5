"""A board's prompt by the raw REPL: the one module that imports mpremote, whose transport is used as a library.

mpremote's signatures may change between versions: pyproject.toml pins it, tests/host/test_bench_adapter.py holds it to
what is used here. Every wait has a limit; what goes wrong is one line.
"""

from __future__ import annotations

import ast
import os
import socket
import struct
import time
from collections.abc import Callable, Mapping
from typing import Any

import serial
from mpremote.romfs import VfsRomWriter
from mpremote.transport import TransportError
from mpremote.transport_serial import SerialTransport
from serial.tools import list_ports

from dragonet.errors import NotDone, UserError

BAUD = 115_200
LIMIT_S = 10.0

_READ_S = 2.0  # a board that has begun an answer pauses no longer than this within it
_WRITE_S = 5.0
_ASK_S = 0.5  # between two requests for the prompt
_BANNER = b"raw REPL; CTRL-B to exit\r\n>"
_BROKEN = (TransportError, serial.SerialException, OSError, struct.error, ValueError, IndexError)


class BoardError(NotDone):
    """The code raised on the board. kind: the exception's name."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.kind = text.split(":")[0].strip()


class LinkLost(NotDone):
    """The link broke, or the board stopped answering, in the middle of something."""


class _Counted:
    """A serial port that counts its bytes."""

    def __init__(self, port: Any) -> None:
        self.port = port
        self.sent = self.received = 0

    def write(self, data: bytes) -> None:
        self.sent += len(data)
        self.port.write(data)

    def read(self, size: int = 1) -> bytes:
        data = self.port.read(size)
        self.received += len(data)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self.port, name)


class _Transport(SerialTransport):
    """mpremote's, which waits for bytes instead of asking every 10 ms whether there are any."""

    def __init__(self, url: str, baud: int) -> None:
        super().__init__(url, baudrate=baud, wait=0, timeout=_READ_S)
        self.serial: Any = _Counted(self.serial)
        self.serial.port.write_timeout = _WRITE_S
        self._wire = getattr(self.serial.port, "_socket", None)  # of socket://
        if self._wire is not None:  # else the end of each message is kept back
            self._wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        if self._wire is not None:
            self._wire.close()
            self.serial.port.is_open = False  # or pyserial sleeps for 0.3 s
        else:
            super().close()

    def read_until(
        self, min_num_bytes: int, ending: bytes, timeout: float | None = LIMIT_S, data_consumer: Any = None,
        timeout_overall: float | None = None,
    ) -> bytes:  # fmt: skip
        limit_s = min(one for one in (timeout, timeout_overall, 3600.0) if one is not None)
        end = time.monotonic() + limit_s  # of all of it: a port may talk for ever, and never say what is waited for
        data = bytearray()
        if limit_s < _READ_S:
            self.serial.port.timeout = limit_s
        while not data.endswith(ending):
            data += self.serial.read(1)
            if time.monotonic() >= end:
                break
        if limit_s < _READ_S:
            self.serial.port.timeout = _READ_S
        return bytes(data)


class Link:
    """An open port. UserError: it cannot be opened. sent, received: bytes; trips: pieces of code that were run."""

    def __init__(self, url: str, name: str = "", baud: int = BAUD) -> None:
        """name: of the board, for what is said of it."""
        self.url = url
        self.name = name or url
        self.trips = 0
        self.clock: Callable[[], float] = time.monotonic  # seconds of the board's time
        self._sent = self._received = 0
        self._raw = False
        self._baud = baud
        self._transport: _Transport | None = None
        self.reopen(0.0)

    def __enter__(self) -> Link:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def sent(self) -> int:
        return self._sent + (self._transport.serial.sent if self._transport is not None else 0)

    @property
    def received(self) -> int:
        return self._received + (self._transport.serial.received if self._transport is not None else 0)

    # --- the port ---

    def reopen(self, limit_s: float = LIMIT_S) -> None:
        """Open the port, again after a reset: it may be away for a while. UserError: it did not come."""
        self.close()
        end = time.monotonic() + limit_s
        while True:
            try:
                self._transport = _Transport(self.url, self._baud)
                return
            except (TransportError, serial.SerialException, OSError, ValueError) as error:
                if time.monotonic() >= end:
                    raise UserError(f"{self.name}: {why_not(self.url, error)}") from None
                time.sleep(0.1)

    def close(self) -> None:
        if self._transport is not None:
            self._sent, self._received = self.sent, self.received
            transport, self._transport = self._transport, None
            try:
                if self._raw:
                    transport.serial.write(b"\r\x02")
                transport.close()
            except _BROKEN:
                pass
        self._raw = False

    # --- the prompt ---

    def prompt(self, limit_s: float = 3.0) -> bool:
        """Whether the board shows its raw REPL within limit_s. An app that runs is left alone, and shows none."""
        transport = self._open()
        self._raw = False
        end = time.monotonic() + limit_s
        quiet_s = 0.01
        try:
            while True:
                transport.serial.write(b"\r\x01")
                wait_s = min(_ASK_S, max(end - time.monotonic(), 0.01))
                if transport.read_until(1, _BANNER, timeout_overall=wait_s).endswith(_BANNER):
                    self._settle(quiet_s)
                    self._raw = True
                    return True
                if time.monotonic() >= end:
                    return False
                quiet_s = 0.05
        except _BROKEN as error:
            raise self._lost(error) from None

    def interrupt(self) -> None:
        """Ctrl-C, once: a flight app resets its board on it, other programs end at the prompt."""
        try:
            transport = self._open()
            transport.serial.write(b"\r\x03")  # a second in the same moment ends the unix port
            transport.read_until(1, b">>> ", timeout_overall=0.2)
        except _BROKEN as error:
            raise self._lost(error) from None

    def _settle(self, quiet_s: float) -> None:
        """Take what else came: the banner once more, for each Ctrl-A. The prompt is what mpremote waits for then."""
        transport = self._open()
        transport.serial.port.timeout = quiet_s
        end = time.monotonic() + _READ_S
        try:
            while transport.serial.read(256):
                if time.monotonic() >= end:
                    raise TransportError("it talks without end")
        finally:
            transport.serial.port.timeout = _READ_S
        transport.serial.write(b"\x01")
        if not transport.read_until(1, _BANNER[:-1], timeout_overall=_READ_S).endswith(_BANNER[:-1]):
            raise TransportError("no prompt")

    def execute(self, code: str, limit_s: float = LIMIT_S) -> str:
        """What the code prints. BoardError: it raised. LinkLost: no end of it within limit_s."""
        transport = self._open()
        self.trips += 1
        try:
            transport.exec_raw_no_follow(code)
            printed, raised = transport.follow(limit_s)
        except _BROKEN as error:
            raise self._lost(error) from None
        if raised:
            raise BoardError(_last_line(raised))
        return printed.decode(errors="replace")

    def evaluate(self, expression: str, limit_s: float = LIMIT_S) -> Any:
        """The value of an expression that repr() shows as a literal."""
        return self.literal(f"print(repr({expression}))", limit_s)

    def literal(self, code: str, limit_s: float = LIMIT_S) -> Any:
        """What the code prints last, a literal. LinkLost: it is none."""
        lines = self.execute(code, limit_s).strip().splitlines()
        try:
            return ast.literal_eval(lines[-1])
        except (ValueError, SyntaxError, IndexError):
            raise LinkLost(f"{self.name}: answered {lines[-1:]!r} where a value was due") from None

    def leave(self, code: str) -> None:
        """Start code that does not come back, such as a reset."""
        try:
            self._open().exec_raw_no_follow(code)
        except _BROKEN:
            pass  # it has gone already
        self._raw = False

    def write(self, data: bytes) -> None:
        """Bytes as they are, for a console."""
        try:
            self._open().serial.write(data)
        except _BROKEN as error:
            raise self._lost(error) from None

    def read(self, wait_s: float) -> bytes:
        """What has come within wait_s, for a console."""
        serial_port = self._open().serial
        try:
            serial_port.port.timeout = wait_s
            return serial_port.read(256)
        except _BROKEN as error:
            raise self._lost(error) from None
        finally:
            serial_port.port.timeout = _READ_S

    def _open(self) -> _Transport:
        if self._transport is None:
            raise LinkLost(f"{self.name}: its port is closed")
        return self._transport

    def _lost(self, error: Exception) -> LinkLost:
        self._raw = False
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        return LinkLost(f"{self.name}: the link broke, or the board fell silent ({text}): check cable and power")


def romfs(files: Mapping[str, bytes]) -> bytes:
    """An image of read-only files, path -> content: the same files give the same bytes."""
    writer = VfsRomWriter()
    tree: dict[str, Any] = {}
    for path, content in files.items():
        *folders, name = path.split("/")
        place = tree
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = content

    def write(place: dict[str, Any]) -> None:
        for name, content in sorted(place.items()):
            if isinstance(content, dict):
                writer.opendir(name)
                write(content)
                writer.closedir()
            else:
                writer.mkfile(name, content)

    write(tree)
    return writer.finalise()


def why_not(url: str, error: Exception) -> str:
    """Why a port does not open, and what helps."""
    if url.startswith(("socket://", "rfc2217://")):
        reason = str(error.__cause__ or error.__context__ or error).splitlines()[-1]
        return f"{url}: nothing answers there ({reason[-80:]}): is the address right, and does its server run?"
    if not os.path.exists(url) and url.startswith("/"):
        return f"{url}: no such port; {_ports()}"
    if url.startswith("/") and not os.access(url, os.R_OK | os.W_OK):
        return f"{url}: may not be opened by you: join the group dialout ('sudo usermod -aG dialout $USER')"
    return f"{url}: does not open ({str(error).splitlines()[0][-80:]}): another program has it, or it is no serial port"


def serial_port(uid: str) -> str:
    """The port whose USB serial number is this unique id. UserError: none is here."""
    for port in list_ports.comports():
        if (port.serial_number or "").lower() == uid.lower():
            return port.device
    raise UserError(f"uid:{uid}: no USB port of this board; {_ports()}")


def serial_ports() -> dict[str, str]:
    """Ports that are here: device -> USB serial number, "" when it has none."""
    return {port.device: port.serial_number or "" for port in list_ports.comports()}


def _ports() -> str:
    found = [f"{device} ({uid})" if uid else device for device, uid in serial_ports().items()]
    return f"here are {', '.join(found)}" if found else "no serial port is here: plug the board in"


def _last_line(raised: bytes) -> str:
    lines = raised.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "raised"

