"""CPython's asyncio on the virtual board's clock, with MicroPython's sleep_ms, wait_for_ms, ThreadSafeFlag, streams."""

import asyncio
import selectors

import twin

_POLL = 3  # stream ioctl
_READ = 1
_FOR_EVER_US = 1 << 60


class _Selector(selectors.SelectSelector):
    """Waits on the virtual board: until a time, or until an interrupt handler has run."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: list[tuple[object, asyncio.Future[None]]] = []

    def select(self, timeout=None):
        kernel = twin.board.kernel
        self._wake()
        if timeout is None:
            kernel.wait(_FOR_EVER_US)
        elif timeout > 0:
            kernel.wait(kernel.now + max(1, round(timeout * 1_000_000)))
        self._wake()
        return []

    def _wake(self) -> None:
        for stream, future in self.readers:
            if not future.done() and stream.ioctl(_POLL, _READ) & _READ:  # type: ignore[attr-defined]
                future.set_result(None)
        self.readers = [entry for entry in self.readers if not entry[1].done()]


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.readers = _Selector()
        super().__init__(self.readers)

    def time(self) -> float:
        return twin.board.kernel.now / 1_000_000


class ThreadSafeFlag:
    """As MicroPython's: one task waits; set() from an interrupt handler wakes it; wait() clears it."""

    def __init__(self) -> None:
        self._set = False
        self._waiter: asyncio.Future[None] | None = None

    def set(self) -> None:
        self._set = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def clear(self) -> None:
        self._set = False

    async def wait(self) -> None:
        while not self._set:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        self._waiter = None
        self._set = False


class StreamReader:
    """As MicroPython's asyncio.StreamReader, StreamWriter over a machine.UART."""

    def __init__(self, stream, extra=None) -> None:
        self.s = stream
        self._out = b""

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        future = loop.create_future()
        loop.readers.readers.append((self.s, future))
        await future

    async def read(self, n=-1):
        parts = b""
        while True:
            await self._readable()
            data = self.s.read(n)
            if data is not None:
                if n >= 0:
                    return data
                if not data:
                    return parts
                parts += data

    async def readinto(self, buffer):
        await self._readable()
        return self.s.readinto(buffer)

    async def readexactly(self, n):
        parts = b""
        while n:
            await self._readable()
            data = self.s.read(n)
            if data is not None:
                if not data:
                    raise EOFError
                parts += data
                n -= len(data)
        return parts

    async def readline(self):
        line = b""
        while True:
            await self._readable()
            part = self.s.readline()
            if part is None:
                continue
            line += part
            if not part or line.endswith(b"\n"):
                return line

    def write(self, data) -> None:
        self._out += data

    async def drain(self) -> None:
        out, self._out = self._out, b""
        self.s.write(out)
        await asyncio.sleep(0)


def _run(main, **_ignored):
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


_sleep = asyncio.sleep
_wait_for = asyncio.wait_for


def install() -> None:
    def sleep_ms(ms: int):
        return _sleep(max(0, ms) / 1000)

    def wait_for_ms(awaitable, timeout_ms: int):
        return _wait_for(awaitable, timeout_ms / 1000)

    additions = {
        "run": _run,
        "new_event_loop": VirtualLoop,
        "sleep_ms": sleep_ms,
        "wait_for_ms": wait_for_ms,
        "ThreadSafeFlag": ThreadSafeFlag,
        "StreamReader": StreamReader,
        "StreamWriter": StreamReader,
    }
    for name, thing in additions.items():
        setattr(asyncio, name, thing)
