# What a board tells when it is asked: packed telemetry, events, counters of events. The commands are in
# core/command_table.py; none of them changes anything but hk_now, which sends the housekeeping before its time.
#
#  tm_get       the set's packed values
#  event_counts core/events.py, Events.counts
#  event_read   core/events.py, Events.read
from core import system
from core.command_codes import ABSENT, NOT_FOUND
from core.commands import Refused


class Reports:
    """Answers for board.dictionary.sets: 0 is the housekeeping, 1 core/system.py's."""

    def __init__(self, board):
        self._board = board
        board.commands.add(self)

    def do_tm_get(self, values, request):
        board = self._board
        sets = board.dictionary.sets
        if values[0] >= len(sets):
            raise Refused(NOT_FOUND)
        if values[0] == 0:
            return board.pack_hk()
        table = sets[values[0]]
        raw = table.values()
        system.fill(raw, board)
        packet = bytearray(table.size)
        table.pack_into(packet, raw)
        return packet

    def do_hk_now(self, values, request):
        self._board.publish_soon()

    def do_event_counts(self, values, request):
        return self._events().counts(values[0])

    def do_event_read(self, values, request):
        return self._events().read(values[0])

    def _events(self):
        if self._board.events is None:
            raise Refused(ABSENT)
        return self._board.events
