# Supervisor: a table of tasks with deadlines; the watchdog is fed only while every one of them keeps its own.
#
# A task that raises, or misses its deadline, is restarted with back-off. After LIMIT failures in a row the watchdog is
# left to bite. Once HOPELESS such restarts of the board in a row did not help, the board flies on and retries the task
# for ever.
#
#  byte  type  field            record "supervisor"
#   0    u8    given up         restarts of the board in a row that the supervisor caused
#   1    u8    reset cause      machine.reset_cause() of the newest boot
#   2    u16   failures         task failures since the board was made
#   4    16    task             name of the task that failed last, zero-padded
#  20    u8    event            newest event that was a warning or an error; 255 = none
import asyncio
import struct
import time
from core.clock import Every
from micropython import const

SIZE = const(21)
_LAYOUT = ">BBH16sB"
_NO_EVENT = const(255)

LIMIT = const(8)             # failures in a row: 1 + 2 + 4 + ... s of back-off, two minutes
HOPELESS = const(3)
PERIOD_MS = const(1000)

_FIRST_MS = const(1000)      # back-off, doubled at each failure
_LONGEST_MS = const(60_000)
_HEALTHY_MS = const(60_000)  # a restarted task that runs this long has recovered
_GOOD_S = const(3600)        # a board that runs this long without giving up has recovered

_NAME = const(16)            # characters of a task's name that are kept

_RUNNING = const(0)
_CANCELLED = const(1)
_WAITING = const(2)          # in back-off
_DONE = const(3)

report = None                # function(name, error), set by a bench that wants tracebacks; a flight sets none


class _Task:
    def __init__(self, index, name, function, deadline_ms):
        self.index = index
        self.name = name
        self.function = function
        self.deadline_ms = deadline_ms
        self.state = _WAITING
        self.checked = 0      # ticks of the last check-in
        self.started = 0      # ticks of the last start
        self.failures = 0     # in a row
        self.restarts = 0
        self.handle = None    # asyncio.Task

    def checkin(self):
        self.checked = time.ticks_ms()


class Supervisor:
    """record: core.record.Record of SIZE bytes. watchdog: machine.WDT or None. cause: machine.reset_cause().

    restarts: of tasks since boot. last_failed: name of the task that failed last, kept through resets; last_event:
    number of the newest event that was a warning or an error, or None, kept too.
    """

    def __init__(self, record, watchdog, cause):
        self.record = record
        self._watchdog = watchdog
        self._tasks = []
        self._good_s = 0
        self._giving_up = False
        self._started = False
        self.restarts = 0
        self.last_failed = ""
        self.last_event = None
        self.on_failure = None  # function(task number or -1, failures in a row)
        self._given_up = 0
        self._failures = 0
        self._cause = cause & 0xFF
        self._load()
        self._hopeless = self._given_up >= HOPELESS
        self._save()

    def task(self, name, function, deadline_ms):
        """function(checkin): a coroutine function that calls checkin() at least every deadline_ms. Its number."""
        task = _Task(len(self._tasks), name[:_NAME], function, deadline_ms)
        self._tasks.append(task)
        if self._started:
            task.handle = asyncio.create_task(self._run(task))
        return task.index

    def names(self):
        return [task.name for task in self._tasks]

    def lines(self):
        """A line for each task: its name, restarts since boot."""
        return ["%s %d" % (task.name, task.restarts) for task in self._tasks]

    def failures(self, name):
        """Restarts of one task since boot."""
        for task in self._tasks:
            if task.name == name:
                return task.restarts
        raise KeyError(name)

    @property
    def failed_task(self):
        """Number of the task that failed last, None when none ever did or it has no number in this firmware."""
        for task in self._tasks:
            if task.name == self.last_failed:
                return task.index
        return None

    def feed(self):
        """While setting up, before run() takes over."""
        if self._watchdog is not None:
            self._watchdog.feed()

    def failed(self, name, error=None):
        """Keeps the name of what failed."""
        if report is not None:
            report(name, error)
        self.restarts += 1
        self.last_failed = name[:_NAME]
        self._failures = (self._failures + 1) & 0xFFFF
        self._save()
        if self.on_failure is not None:
            number = self.failed_task
            try:
                self.on_failure(*((-1, 1) if number is None else (number, self._tasks[number].failures)))
            except Exception as trouble:  # nobody watches the one who watches
                if report is not None:
                    report("on_failure", trouble)

    def event(self, number):
        """Keeps the number of an event that was a warning or an error."""
        if number != self.last_event:
            self.last_event = number
            self._save()

    async def run(self):
        """Starts every task and watches them; never returns."""
        self._started = True
        for task in self._tasks:
            task.handle = asyncio.create_task(self._run(task))
        every = Every(PERIOD_MS)
        try:
            while True:
                if self.check():
                    self.feed()
                await asyncio.sleep_ms(every.ms())
        finally:
            self._started = False
            for task in self._tasks:
                if task.handle is not None:
                    task.handle.cancel()

    def check(self):
        """Looks at every task once; False while the watchdog must not be fed."""
        now = time.ticks_ms()
        good = True
        failing = False
        for task in self._tasks:
            if task.state <= _CANCELLED and time.ticks_diff(now, task.checked) > task.deadline_ms:
                good = False
                if task.state == _RUNNING and task.handle is not None:
                    task.state = _CANCELLED
                    task.handle.cancel()
            if task.failures:
                failing = True
                if task.failures > LIMIT:
                    good = False
                    self._give_up()
                elif task.state == _RUNNING and time.ticks_diff(now, task.started) > _HEALTHY_MS:
                    task.failures = 0
        if self._given_up and not self._giving_up and not failing:
            self._recover()
        return good or self._hopeless

    async def _run(self, task):
        while True:
            task.state = _RUNNING
            task.started = task.checked = time.ticks_ms()
            try:
                await task.function(task.checkin)
                task.state = _DONE
                return
            except asyncio.CancelledError:
                if task.state != _CANCELLED:  # the board ends
                    raise
                error = None
            except Exception as raised:
                error = raised
            task.state = _WAITING
            task.restarts += 1
            task.failures = min(task.failures + 1, 2 * LIMIT)
            self.failed(task.name, error)
            await asyncio.sleep_ms(min(_FIRST_MS << min(task.failures - 1, 6), _LONGEST_MS))

    def _give_up(self):
        # The watchdog is about to bite: the next boot shall know why.
        if not self._giving_up and not self._hopeless:
            self._giving_up = True
            self._given_up += 1
            self._save()

    def _recover(self):
        self._good_s += 1
        if self._good_s >= _GOOD_S:
            self._good_s = 0
            self._given_up = 0
            self._hopeless = False
            self._save()

    def _load(self):
        if self.record.load():
            self._given_up, _, self._failures, name, event = struct.unpack(_LAYOUT, self.record.data)
            self.last_event = None if event == _NO_EVENT else event
            try:
                self.last_failed = name.rstrip(b"\0").decode()
            except ValueError:
                self.last_failed = ""

    def _save(self):
        name = self.last_failed.encode()[:_NAME]
        event = _NO_EVENT if self.last_event is None else self.last_event
        struct.pack_into(_LAYOUT, self.record.data, 0, self._given_up, self._cause, self._failures, name, event)
        self.record.save()
