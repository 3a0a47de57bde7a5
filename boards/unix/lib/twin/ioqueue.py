# asyncio's wait for streams and for time, on the virtual clock. Takes the place of asyncio.core.IOQueue.
import io

import twin

from .kernel import NEVER

_POLL = 3
_READ = 1
_WRITE = 4


class IOQueue:
    def __init__(self, core):
        self._core = core
        self._seen = -1  # kernel.interrupts at the last look: a stream may be ready after any of them
        self.touched = True  # a flag was set, or somebody began to wait, since then
        self.map = {}  # id(stream) -> [task that reads, task that writes, stream]

    def _enqueue(self, stream, which):
        entry = self.map.get(id(stream))
        if entry is None:
            entry = [None, None, stream]
            self.map[id(stream)] = entry
        entry[which] = self._core.cur_task
        self.touched = True
        self._core.cur_task.data = self

    def queue_read(self, stream):
        self._enqueue(stream, 0)

    def queue_write(self, stream):
        self._enqueue(stream, 1)

    def remove(self, task):
        for key in list(self.map):
            entry = self.map[key]
            for which in (0, 1):
                if entry[which] is task:
                    entry[which] = None
            if entry[0] is None and entry[1] is None:
                del self.map[key]

    def _poll(self):
        """Make the tasks of ready streams run; True when there was one."""
        found = None
        for key, entry in self.map.items():
            wanted = (_READ if entry[0] is not None else 0) | (_WRITE if entry[1] is not None else 0)
            ready = entry[2].ioctl(_POLL, wanted)
            if ready & wanted:
                found = found or []
                found.append((key, ready))
        if found is None:
            return False
        push = self._core._task_queue.push
        for key, ready in found:
            entry = self.map[key]
            for which, bit in ((0, _READ), (1, _WRITE)):
                if ready & bit and entry[which] is not None:
                    push(entry[which])
                    entry[which] = None
            if entry[0] is None and entry[1] is None:
                del self.map[key]
        return True

    def wait_io_event(self, dt):
        """dt: ms, 0 just looks, -1 for ever."""
        kernel = twin.board.kernel
        if (self.touched or kernel.interrupts != self._seen) and self._look(kernel):
            return
        if dt == 0:
            return
        until = NEVER if dt < 0 else (kernel.now // 1000 + dt) * 1000
        while kernel.now < until:
            kernel.wait(until)
            if (self.touched or kernel.interrupts != self._seen) and self._look(kernel):
                return

    def _look(self, kernel):
        self._seen = kernel.interrupts
        self.touched = False
        return self._poll()


class ThreadSafeFlag(io.IOBase):
    """asyncio.ThreadSafeFlag, which also says when it was set: then no wait has to ask every flag."""

    queue = None  # the IOQueue of this process

    def __init__(self):
        self.state = 0

    def ioctl(self, request, arg):
        return self.state * arg if request == _POLL else -1

    def set(self):
        self.state = 1
        ThreadSafeFlag.queue.touched = True

    def clear(self):
        self.state = 0

    async def wait(self):
        if not self.state:
            yield ThreadSafeFlag.queue.queue_read(self)
        self.state = 0


def install():
    """Put asyncio and micropython.schedule on the virtual clock; once, before the firmware is imported."""
    import sys

    from . import schedule, tasks

    schedule.install()
    sys.modules["_asyncio"] = tasks
    import asyncio
    from asyncio import core

    tasks.core = core
    fresh_loop = core.new_event_loop

    def new_event_loop():
        loop = fresh_loop()
        core._io_queue = IOQueue(core)
        asyncio._io_queue = ThreadSafeFlag.queue = core._io_queue
        return loop

    asyncio.ThreadSafeFlag = ThreadSafeFlag
    core.new_event_loop = new_event_loop
    asyncio.new_event_loop = new_event_loop
    new_event_loop()
