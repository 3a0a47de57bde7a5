# Time on every board (epoch and leap rule: core/timescale.py). The ground sets the master's, the EPS unless told
# otherwise; the others ask it: two-way, four time stamps, the reply with the least round trip counts (time_filter.py).
#
#  byte  type  field            request, reply and notice, all on port TIME; the same size, so that their times on the
#                               wire cancel
#   0    u8    kind             REQUEST; REPLY; NOTICE: the master's time was corrected or lost, ask again
#   1    u8    tag              of the request, the reply repeats it
#   2    u8    flags            bit 0: the sender is synchronised
#   3    u8    steps            corrections of the sender's time, modulo 256; an offset across one is no drift
#   4    u32   seconds          the sender's target when it sent this
#   8    u32   microseconds
#  12    u16   held             reply: us from the interrupt of the request to the sending of this
#
#  byte  type  field            record "time", saved each SAVE_S seconds
#   0    u32   seconds
#   4    i16   rate             of the own oscillator, 2**-26
#   6    u8    flags            bit 0: the rate was measured; bit 1: the time is good, the restart was for it
#
# After a reset the time is behind by SAVE_S and the time without power at most, never ahead, and not synchronised. So
# of two boards that are not, the later is right: the master takes over what a board that asks it knows better, and
# the satellite keeps its time through a reset of any board. A board without master goes on by its own oscillator.
import machine
import struct
import time
from core import ports, time_commands
from core.event_codes import TIME_FAR, TIME_STEP, TIME_SYNCHRONISED
from core.heard import NEVER
from core.time_filter import FIRST_S, LONGEST_S, ROUND_MAX_US, Filter
from core.timescale import RATE_MAX, SLEW_MAX_S, UNIX, Timescale
from csp.packet import DATA, HIGH
from micropython import const

SIZE = const(14)
SAVE_S = const(30)

_LAYOUT = time_commands.EXCHANGE
_REQUEST, _REPLY, _NOTICE = const(0), const(1), const(2)
_SYNCHRONISED = const(1)     # flag
_RECORD = ">IhB"
_RECORD_SIZE = const(7)
_RATE_KNOWN = const(1)
_TRUSTED = const(2)

_TRIES = const(4)            # requests of an exchange, one a second
_HELD_MAX_US = const(0xFFFF)
_STEP_US = const(10_000)     # a board that is not synchronised steps over more than this, one that is over a second
_LATER_US = const(5_000)
_FAR_TRIES = const(3)
_RESTART_S = const(2)

_BOARDS = tuple([ports.ADDRESSES[role] for role in ports.BOARDS])


class Time:
    """board.time. synchronised: since this boot, time came from the ground, if only by another board.

    master: address of the board that the others ask. offset_us, round_us: of the newest exchange. exchanges, lost: good
    ones, and those without an answer.
    """

    def __init__(self, board):
        self._board = board
        self._record = board.record("time", _RECORD_SIZE)
        self.master = ports.ADDRESSES["eps"]
        self.synchronised = False
        self.exchanges = self.lost = self.refused = 0
        self.offset_us = self.round_us = 0
        self._tag = 0
        self._asked = 0          # address whose reply is awaited, 0: nobody's
        self._peer = 0           # whom the master asks, once
        self._sent = time.ticks_us()  # of the newest request
        self._tries = 0
        self._quick = False      # the first answer ends this exchange
        self._far = 0
        self._filter = Filter()
        self._silent = False     # the newest exchange had no answer
        self._interval_s = FIRST_S
        self._due_s = 1 + board.address % 2
        self._save_s = 0
        self._restart_s = NEVER
        self._at_s = None        # uptime of the newest exchange or setting
        self.scale = self._load()
        board.node.bind(ports.TIME, self._on_packet)
        board.node.services.clock = self._unix
        board.on_second(self.second)
        commands = getattr(board, "commands", None)
        if commands is not None:
            commands.add(self)

    # What apps ask.

    @property
    def seconds(self):
        """Whole seconds since 2000-01-01 UTC. Never goes back; allocates nothing until 2034."""
        scale = self.scale
        scale.read()
        return scale.s

    def now(self):
        """(seconds, microseconds). Never goes back; allocates its tuple."""
        scale = self.scale
        scale.read()
        return scale.s, scale.us

    @property
    def age_s(self):
        """Seconds since the newest exchange or setting, NEVER until one."""
        return NEVER if self._at_s is None else self._board.uptime_s - self._at_s

    @property
    def is_master(self):
        return self.master == self._board.address

    # Each second.

    def second(self):
        self.scale.update()
        now = self._board.uptime_s
        if self._board.published:
            pass  # what is asked now would wait on its way, here and elsewhere
        elif self._asked:
            self._go_on(now)
        elif now >= self._due_s:
            if self._peer or not self.is_master:
                # after a notice or a step any answer will do, for another exchange comes soon
                self._quick = self.exchanges and self._interval_s == FIRST_S and not self._peer
                self._tries = _TRIES
                self._filter.round_us = -1
                self._ask()
            else:
                self._tell()  # after a boot, too: whoever knows the time better is asked when he asks
        if now >= self._save_s:
            self._save(now)
        if now >= self._restart_s:
            machine.reset()

    def _go_on(self, now):
        # A second after a request.
        answered = self._filter.round_us >= 0
        if self._tries and not (answered and self._quick):
            self._ask()
        elif answered:
            self._asked = 0
            self._silent = False
            self._finish(now)
        else:
            self._asked = self._peer = 0
            self.lost = min(self.lost + 1, 0xFFFF)
            if not self._silent:
                self._silent = True
                self._interval_s = FIRST_S
            self._later(now)

    def _later(self, now):
        interval_s = self._interval_s = self._filter.longest_s(self._interval_s)
        self._due_s = now + interval_s
        self._interval_s = min(2 * interval_s, LONGEST_S)

    def _soon(self):
        self._interval_s = FIRST_S
        self._due_s = self._board.uptime_s + FIRST_S

    def _ask(self):
        self._tries -= 1
        self._tag = self._tag + 1 & 0xFF
        self._asked = self._peer or self.master
        self._sent = time.ticks_us()
        packet = bytearray(SIZE)
        self._pack(packet, 0, _REQUEST, self._tag, self._sent, 0)
        self._board.node.send(self._asked, ports.TIME, packet, ports.TIME, HIGH)

    def _pack(self, buffer, at, kind, tag, ticks, held):
        scale = self.scale
        scale.target(ticks)
        flags = _SYNCHRONISED if self.synchronised else 0
        struct.pack_into(_LAYOUT, buffer, at, kind, tag, flags, scale.steps, scale.s, scale.us, held)

    # Packets.

    def _on_packet(self, packet):
        if packet.size != SIZE:
            self._refuse()
            return
        kind, tag, flags, steps, s, us, held = struct.unpack_from(_LAYOUT, packet.buffer, DATA)
        if us >= 1_000_000:
            self._refuse()
        elif kind == _REQUEST:
            src = packet.src
            self._look_at(src, flags, s, us, packet.arrived_us)
            ticks = time.ticks_us()
            held = time.ticks_diff(ticks, packet.arrived_us)
            if not 0 <= held <= _HELD_MAX_US:
                self._refuse()
                return
            self._pack(packet.buffer, DATA, _REPLY, tag, ticks, held)
            self._board.node.reply(packet)
        elif kind == _REPLY and self._asked and packet.src == self._asked and tag == self._tag:
            self._on_reply(packet.arrived_us, flags, steps, s, us, held)
        elif kind == _NOTICE and packet.src == self.master and not self.is_master:
            self._interval_s = FIRST_S
            self._due_s = min(self._due_s, self._board.uptime_s + 1 + self._board.address % 2)
        else:
            self._refuse()

    def _refuse(self):
        self.refused = min(self.refused + 1, 0xFFFF)

    def _look_at(self, src, flags, s, us, ticks):
        # Does the board that asks know the time better than its master?
        if self.synchronised or not self.is_master or self._peer or src not in _BOARDS:
            return
        scale = self.scale
        scale.target(ticks)
        ahead_s = s - scale.s
        if flags & _SYNCHRONISED or ahead_s > 1 or ahead_s * 1_000_000 + us - scale.us > _LATER_US:
            self._peer = src
            self._due_s = 0

    def _on_reply(self, ticks, flags, steps, s, us, held):
        passed = time.ticks_diff(ticks, self._sent)
        round_us = passed - held
        if not 0 <= round_us <= ROUND_MAX_US:
            self._refuse()
            return
        scale = self.scale
        scale.target(time.ticks_add(self._sent, passed >> 1))
        self._filter.offer(round_us, s - scale.s, us - (held >> 1) - scale.us, flags << 8 | steps)

    # What an exchange says.

    def _finish(self, now):
        samples = self._filter
        self.round_us = samples.round_us
        asked_peer = self._peer != 0  # asked once, the way to it is as long as it is
        believed = asked_peer or samples.believe(self.age_s)
        self._peer = 0
        theirs = samples.flags >> 8 & _SYNCHRONISED
        s, us = samples.s, samples.us  # the correction, us >= 0
        if not believed:
            self._due_s = now + FIRST_S
            return
        if self.is_master and not asked_peer:
            return
        later = s < -1 or s == -1 and us < 1_000_000 - _LATER_US - samples.round_us
        if not theirs and (self.synchronised or later):
            self._soon()  # ours is the better: the master saw it when it was asked, and may have lost its reply
            return
        self._later(now)
        if s - self.scale.ahead_us // 1_000_000 < -SLEW_MAX_S:
            self._too_far(now, s)
            return
        self._far = 0
        self.exchanges += 1
        first = not self.synchronised
        if theirs:
            self.synchronised = True
        if -2 < s < 2:
            self.offset_us = s * 1_000_000 + us
        else:
            self.offset_us = time_commands.UNKNOWN
        if not asked_peer:
            samples.learn(now, self.offset_us, self.scale)
        self._at_s = now
        if self._correct(s, us, first):
            self._soon()
        if first and theirs:
            self._board.event(TIME_SYNCHRONISED, s, us)
        if asked_peer:
            self._count_step()
            self._tell_anew()

    def _correct(self, s, us, first):
        # True when the time was stepped.
        scale = self.scale
        if s > 0 or s == 0 and first and us > _STEP_US:
            try:
                scale.step(s, us)
                self._filter.stepped(scale)
                self._board.event(TIME_STEP, s, us)
                return True
            except ValueError:  # still slewing back by more than that
                pass
        scale.slew(s * 1_000_000 + us)
        return False

    def _count_step(self):
        # The master's time was corrected: what the others see of it is no drift, and it may have been slewed.
        self.scale.steps = self.scale.steps + 1 & 0xFF

    def _too_far(self, now, s):
        # The master, synchronised, says we are more than a minute ahead: its owner set it back.
        self._far += 1
        self._soon()
        if self._far >= _FAR_TRIES:
            self._far = 0
            scale = self.scale
            scale.read()
            self._board.event(TIME_FAR, s)
            self.restart(scale.s + s, False)

    def _tell_anew(self):
        # The master's time was corrected: told at once, and 1, 3 and 7 s later, for frames are lost.
        if self.is_master:
            self._interval_s = 1
            self._tell()

    def _tell(self):
        packet = bytearray(SIZE)
        self._pack(packet, 0, _NOTICE, 0, time.ticks_us(), 0)
        self._board.node.broadcast(ports.TIME, packet, ports.TIME)
        interval_s = self._interval_s
        self._interval_s = 2 * interval_s
        self._due_s = self._board.uptime_s + interval_s if interval_s <= FIRST_S else NEVER

    # The record.

    def _load(self):
        record = self._record
        if not record.load():
            return Timescale()
        seconds, rate, flags = struct.unpack(_RECORD, record.data)
        if not -RATE_MAX <= rate <= RATE_MAX:
            rate = 0
        else:
            self._filter.rate_known = flags & _RATE_KNOWN
        if flags & _TRUSTED:
            self.synchronised = True
        return Timescale(seconds, rate)

    def _save(self, now):
        self._save_s = now + SAVE_S
        scale = self.scale
        scale.target(time.ticks_us())
        known = _RATE_KNOWN if self._filter.rate_known else 0
        struct.pack_into(_RECORD, self._record.data, 0, scale.s, scale.rate, known)
        self._record.save()

    # What the ground does.

    def correct_by_ground(self, s, us):
        """The target goes by s + us; the time is good from now on, and the others are told."""
        self._correct(s, us, not self.synchronised)
        self._count_step()
        self.synchronised = True
        self._at_s = self._board.uptime_s
        self._save(self._at_s)
        self._tell_anew()

    def restart(self, seconds, trusted):
        """Begin anew with an earlier time, so that no app sees it go back. trusted: it is good. False: not saved."""
        flags = (_TRUSTED if trusted else 0) | (_RATE_KNOWN if self._filter.rate_known else 0)
        struct.pack_into(_RECORD, self._record.data, 0, max(seconds, 0), self.scale.rate, flags)
        saved = self._record.save()
        if saved:
            self._restart_s = self._board.uptime_s + _RESTART_S
            self._save_s = NEVER
        return saved

    def event(self, number, a, b):
        self._board.event(number, a, b)

    # Commands.

    def do_time_get(self, values, request):
        return time_commands.get(self)

    def do_time_set(self, values, request):
        return time_commands.set_(self, *values)

    def _unix(self):
        s, us = self.now()
        return s + UNIX, us * 1000
