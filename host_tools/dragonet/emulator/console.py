"""A board's serial console on a TCP port: `mpremote connect socket://127.0.0.1:PORT`. One visitor at a time."""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Callable

from dragonet.errors import UserError

_KEPT_BYTES = 4096  # of what the board said while nobody listened, for the next visitor


class Console:
    """poll() gives the visitor's bytes to `to_board`; said() takes what the board says."""

    def __init__(self, port: int, to_board: Callable[[bytes], None], address: str = "127.0.0.1") -> None:
        """port: 0 for any free one. UserError: it is taken."""
        self._to_board = to_board
        self._server = socket.socket()
        self._server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._server.bind((address, port))
        except OSError as error:
            self._server.close()
            raise UserError(f"{address}:{port}: {error.strerror}; name another port, or 0 for any free one") from None
        self._server.listen(1)
        self._server.setblocking(False)
        self.address, self.port = self._server.getsockname()[:2]
        self._visitor: socket.socket | None = None
        self._kept = bytearray()

    def said(self, data: bytes) -> None:
        self._kept += data
        if self._visitor is None:
            del self._kept[:-_KEPT_BYTES]

    def poll(self, wait_s: float = 0.0) -> bool:
        """Move what waits both ways. True: something came for the board, or a visitor came or went."""
        self._flush()
        waiting = [self._server] if self._visitor is None else [self._visitor, self._server]
        ready, _, _ = select.select(waiting, [], [], wait_s)
        for one in ready:  # the visitor first: who leaves makes room for the next
            if one is self._server:
                self._enter()
            else:
                self._take()
        self._flush()
        return bool(ready)

    def _enter(self) -> None:
        with contextlib.suppress(BlockingIOError):
            visitor, _ = self._server.accept()
            if self._visitor is not None:
                visitor.close()  # a serial port has one user
                return
            visitor.setblocking(False)
            visitor.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._visitor = visitor

    def _take(self) -> None:
        assert self._visitor is not None
        try:
            data = self._visitor.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._to_board(data)
        else:
            self._leave()

    def _leave(self) -> None:
        if self._visitor is not None:
            self._visitor.close()
            self._visitor = None

    def _flush(self) -> None:
        if self._visitor is None or not self._kept:
            return
        try:
            del self._kept[: self._visitor.send(self._kept)]
        except BlockingIOError:
            pass
        except OSError:
            self._leave()

    def close(self) -> None:
        self._leave()
        self._server.close()
