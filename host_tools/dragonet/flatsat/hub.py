"""Virtual time. Whoever is due first goes first: a board gets a grant of time, an event of the world runs.

A board may run by itself until its horizon: the moment before which nobody else can reach it. Boards reach each
other through a CAN frame at the soonest, so the horizon lies LOOKAHEAD_US behind the next other board's turn.
All times are microseconds since separation, the hub's own; each board's clock is converted at its edge.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Protocol

from dragonet.flatsat.costs import COSTS

NEVER_US = 1 << 60
# What a board does at its turn reaches another no sooner: it hands a frame over, and the shortest takes 47 bits.
LOOKAHEAD_US = COSTS["can_send"] + 47 * 1_000_000 // 500_000


class Party(Protocol):
    """What takes turns: a board, virtual or emulated."""

    wake_us: int  # its next turn, NEVER_US = only when something reaches it

    def grant(self, now_us: int, horizon_us: int) -> None:
        """Run until it waits or reaches the horizon; sets wake_us."""
        ...


class Hub:
    """The order of everything. The same parties and events give the same order."""

    def __init__(self) -> None:
        self.now_us = 0
        self.grants = 0
        self.parties: list[Party] = []
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._order = 0

    def at(self, time_us: int, function: Callable[[], None]) -> None:
        """Call function() at time_us; in the order of calls among equal times."""
        self._order += 1
        heapq.heappush(self._events, (max(time_us, self.now_us), self._order, function))

    def every(self, period_us: int, function: Callable[[], None], first_us: int | None = None) -> None:
        """Call function() each period until the flight ends."""

        def again() -> None:
            due = self.now_us + period_us
            function()
            self.at(due, again)

        self.at(self.now_us + period_us if first_us is None else first_us, again)

    def run(self, until_us: int) -> None:
        """Pass all that is due up to and including until_us."""
        events = self._events
        parties = self.parties
        while True:
            first: Party | None = None
            first_us = second_us = NEVER_US
            for party in parties:
                wake_us = party.wake_us
                if wake_us < first_us:
                    first, second_us, first_us = party, first_us, wake_us
                elif wake_us < second_us:
                    second_us = wake_us
            event_us = events[0][0] if events else NEVER_US
            if event_us <= first_us:
                if event_us > until_us:
                    break
                self.now_us = event_us
                heapq.heappop(events)[2]()
            else:
                if first_us > until_us or first is None:
                    break
                if first_us > self.now_us:
                    self.now_us = first_us
                self.grants += 1
                first.grant(first_us, min(event_us, second_us + LOOKAHEAD_US, until_us + 1))
        self.now_us = max(self.now_us, until_us)
