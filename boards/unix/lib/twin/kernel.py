# The virtual board's processor: its time, what is due, and where it waits. CPython and MicroPython run it alike.
#
# Time is this board's own, in microseconds since power-on. It moves when code charges for work (`charge`)
# and when code waits. `horizon` is how far the board may go before the hub must hear of it; without a hub
# (a bench) it is infinite. A board that computes passes its horizon by SLACK_US before it asks: an interrupt
# from outside is served that much late at the worst. Nothing here knows what the firmware does.
import heapq
import micropython
import sys

NEVER = 1 << 60  # us
SLACK_US = 300


class Kernel:
    def __init__(self, costs):
        self.costs = costs
        self._slack_us = costs.get("slack", SLACK_US)
        self.now = 0
        self.horizon = NEVER
        self.link = None  # see link.py: exchange(now, wake) with the hub
        self.interrupts = 0  # handlers run so far: a waiter compares it to see that something happened
        self.on_bite = None  # called when the watchdog bites
        self._heap = []
        self._order = 0
        self._next = NEVER  # when work is stopped for something: a due event, the watchdog, the horizon and its slack
        self._must_ask = NEVER
        self._bite_at = NEVER
        self._in_handler = False
        self._soft = []
        self._soft_waits = False  # no soft handler may run now
        self._hard = []  # that came while they were off, or while another ran
        self.hard_off = False
        self.locked = False  # the heap is, since a hard handler runs

    # --- what is due ---

    def at(self, time_us, function):
        """Call function() at time_us, or at once when that has passed."""
        self._order += 1
        heapq.heappush(self._heap, (time_us, self._order, function))
        if time_us < self._next:
            self._next = time_us

    def watchdog(self, bite_at_us):
        self._bite_at = bite_at_us
        self._plan()

    def stop_at(self, time_us):
        """Something left the board: the hub must hear of it before time_us is passed."""
        if time_us < self.horizon and self.link is not None:
            self.horizon = self._must_ask = time_us
            self._plan()

    def _plan(self):
        soonest = self._must_ask
        if self._bite_at < soonest:
            soonest = self._bite_at
        if self._heap and self._heap[0][0] < soonest:
            soonest = self._heap[0][0]
        self._next = soonest

    # --- interrupts ---

    def interrupt(self, handler, argument):
        """A soft interrupt: run the handler as soon as no other handler runs."""
        self._soft.append((handler, argument))
        if not self._soft_waits:
            self._next = 0

    def schedule(self, function, argument):
        """micropython.schedule, also from a hard handler: the function runs as a soft interrupt."""
        if not self.locked:
            self.interrupt(function, argument)
            return
        micropython.heap_unlock()
        self.interrupt(function, argument)
        micropython.heap_lock()

    def hard(self, handler, argument, failed=None):
        """A hard interrupt: the handler runs now, in soft ones too, and can allocate nothing. failed() if it raises."""
        self._hard.append((handler, argument, failed))
        if not self.hard_off:
            self.run_hard()

    def run_hard(self):
        inside, self._in_handler = self._in_handler, True
        self.hard_off = True
        while self._hard:
            handler, argument, failed = self._hard.pop(0)
            self.interrupts += 1
            self.now += self.costs["hard_interrupt"]
            trouble = None
            self.locked = True
            micropython.heap_lock()
            try:
                handler(argument)
            except Exception as error:  # as MicroPython does: it says so, and calls it no more
                trouble = error
            micropython.heap_unlock()
            self.locked = False
            if trouble is not None:
                _report(trouble)
                if failed is not None:
                    failed()
        self.hard_off = False
        self._in_handler = inside

    def _run_handlers(self):
        self._in_handler = True
        try:
            while self._soft:
                handler, argument = self._soft.pop(0)
                self.interrupts += 1
                self.now += self.costs["interrupt"]
                try:
                    handler(argument)
                except Exception as error:  # as MicroPython does: it says so, and the program goes on
                    _report(error)
        finally:
            self._in_handler = False
        self._plan()

    # --- time passes ---

    def charge(self, us):
        """Work took this long; whatever came due in the meantime interrupts it."""
        self.now += us
        if self.now >= self._next and (not self._in_handler or self.now >= self._bite_at):
            self._catch_up()

    def compute(self, us, soft=True):
        """Long work, which interrupts come into; only hard ones if soft is False or a soft handler does it: the soft
        ones wait for its end."""
        if self.hard_off:
            self.now += us
            return
        waited, inside = self._soft_waits, self._in_handler
        self._soft_waits = waited or inside or not soft
        self._in_handler = False
        if self._soft_waits:
            self._plan()  # not at once for a soft one
        while us > 0:
            step = self._next - self.now  # an interrupt is served when it is due
            if step <= 0:  # it waits
                step = self._slack_us or 1
            step = min(step, us)
            us -= step
            self.charge(step)  # and what it takes comes on top
        self._soft_waits, self._in_handler = waited, inside
        if self._soft and not waited and not inside:
            self._next = 0
            self.charge(0)

    def _catch_up(self):
        while self.now >= self._next:
            if self._soft and not self._soft_waits:
                self._run_handlers()
            elif self._heap and self._heap[0][0] <= self.now:
                self._run_due()
            elif self._bite_at <= self.now:
                self._bite_at = NEVER
                self.on_bite()
            else:
                self._exchange(self.now)

    def _run_due(self):
        function = heapq.heappop(self._heap)[2]
        self._plan()
        function()

    def _exchange(self, wake_us):
        if self.link is None:
            raise RuntimeError("virtual board would wait for ever")
        self.now, self.horizon = self.link.exchange(self.now, wake_us)
        self._must_ask = self.horizon + self._slack_us
        self._plan()
        self.link.deliver()

    def ask(self, until_us):
        """Let the hub go on, and come back at its next word, at something due, or at until_us; also in a handler."""
        due = min(until_us, self._bite_at)
        if self._heap and not self._in_handler and self._heap[0][0] < due:
            due = self._heap[0][0]
        self._exchange(max(due, self.now))
        if self.now >= self._next and (not self._in_handler or self.now >= self._bite_at):
            self._catch_up()

    def _idle(self, until_us):
        """Go on to whatever comes first: until_us, something due, the hub's next word."""
        due = self._bite_at
        if self._heap and self._heap[0][0] < due:
            due = self._heap[0][0]
        if due > until_us:
            due = until_us
        if due <= self.horizon or self._soft:
            if due > self.now and not self._soft:
                self.now = due
        else:
            if self.now < self.horizon:
                self.now = self.horizon
            self._exchange(due)
        if self.now >= self._next:
            self._catch_up()

    def sleep_until(self, time_us):
        """Wait until time_us whatever interrupts."""
        if self._in_handler:  # a busy wait inside an interrupt handler: nothing else can run
            self.now = max(self.now, time_us)
            return
        while self.now < time_us:
            self._idle(time_us)

    def wait(self, until_us):
        """Wait until until_us, or until an interrupt handler has run."""
        seen = self.interrupts
        while self.now < until_us and self.interrupts == seen:
            self._idle(until_us)


def _report(error):
    if hasattr(sys, "print_exception"):
        sys.print_exception(error)
    else:
        sys.excepthook(type(error), error, error.__traceback__)
