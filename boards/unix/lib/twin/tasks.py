# asyncio's queue of tasks on the virtual clock. It stands in for the built-in `_asyncio`, which reads the real clock.
# The interface is the one that MicroPython's asyncio/core.py uses; ticks are those of our `time`.
import twin
from time import ticks_diff

core = None  # asyncio.core, once it has been imported


def _ticks():
    return twin.board.kernel.now // 1000 & (1 << 30) - 1


class TaskQueue:
    """Tasks in the order of their keys (ms ticks); first in, first out among equals."""

    def __init__(self):
        self._tasks = []

    def peek(self):
        return self._tasks[0] if self._tasks else None

    def push(self, task, key=None):
        task.data = None
        if key is None:
            key = _ticks()
        task.ph_key = key
        tasks = self._tasks
        at = len(tasks)
        while at and ticks_diff(key, tasks[at - 1].ph_key) < 0:
            at -= 1
        tasks.insert(at, task)

    def pop(self):
        task = self._tasks.pop(0)
        if self is core._task_queue:
            board = twin.board
            board.kernel.charge(board.costs["wake_up"])
        return task

    def remove(self, task):
        self._tasks.remove(task)


class Task:
    """state: True runs, a TaskQueue when others wait for it, None done, False done and taken note of."""

    def __init__(self, coro, globals=None):
        self.coro = coro
        self.data = None  # what it waits in, or the exception it shall get, or the one that it ended with
        self.state = True
        self.ph_key = 0

    def __iter__(self):
        if not self.state:
            self.state = False
        elif self.state is True:
            self.state = TaskQueue()
        elif type(self.state) is not TaskQueue:
            raise RuntimeError("can't wait")
        return self

    def __next__(self):
        if not self.state:
            raise self.data
        self.state.push(core.cur_task)
        core.cur_task.data = self

    def done(self):
        return not self.state

    def cancel(self):
        if not self.state:
            return False
        if self is core.cur_task:
            raise RuntimeError("can't cancel self")
        task = self
        while isinstance(task.data, Task):  # cancel what it waits for
            task = task.data
        if hasattr(task.data, "remove"):
            task.data.remove(task)
            core._task_queue.push(task)
        elif ticks_diff(task.ph_key, _ticks()) > 0:
            core._task_queue.remove(task)
            core._task_queue.push(task)
        task.data = core.CancelledError
        return True
