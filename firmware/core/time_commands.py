# Commands time_get and time_set: what core/time_sync.py tells and takes.
#
#  byte  type  field            answer to time_get
#   0    u32   seconds          the target: what the board holds for right
#   4    u32   microseconds
#   8    u8    flags            bit 0: synchronised; bit 1: it is the master
#   9    u8    master           address
#  10    u32   age              s since the newest exchange or setting; core.heard.NEVER: none
#  14    i32   ahead            us by which the time shown is ahead of the target, and slewed
#  18    i16   rate             what the own oscillator lacks, 2**-26
#  20    u16   round trip       us, of the newest exchange
#  22    i32   offset           us, of the newest exchange; UNKNOWN: more than two seconds
#  26    u16   exchanges        since boot
#  28    u16   lost             those without an answer
#
#  byte  type  field            answer to time_set: the correction
#   0    i32   seconds
#   4    u32   microseconds
#
# All big-endian.
import struct
import time
from core.command_codes import STATE, STORAGE
from core.commands import Failed, Refused
from core.event_codes import TIME_SET
from core.timescale import SLEW_MAX_S
from micropython import const

EXCHANGE = ">BBBBIIH"  # port TIME: the table stands in core/time_sync.py
REPORT = ">IIBBIihHiHH"
CORRECTION = ">iI"
SYNCHRONISED, MASTER = const(1), const(2)  # flags
UNKNOWN = const(0x7FFFFFFF)


def get(one):
    """Answer to time_get of one core.time_sync.Time."""
    scale = one.scale
    scale.target(time.ticks_us())
    flags = (SYNCHRONISED if one.synchronised else 0) | (MASTER if one.is_master else 0)
    return struct.pack(
        REPORT, scale.s, scale.us, flags, one.master, one.age_s, scale.ahead_us, scale.rate,
        min(one.round_us, 0xFFFF), one.offset_us, min(one.exchanges, 0xFFFF), one.lost,
    )  # fmt: skip


def set_(one, seconds, us, restart):
    """Does time_set and returns its answer. Refused, Failed: core/commands.py."""
    scale = one.scale
    scale.target(time.ticks_us())
    us -= scale.us
    s = seconds - scale.s + us // 1_000_000
    us %= 1_000_000
    if s - scale.ahead_us // 1_000_000 < -SLEW_MAX_S:
        if not restart:
            raise Refused(STATE)
        if not one.restart(seconds, True):
            raise Failed(STORAGE)
    else:
        one.correct_by_ground(s, us)
        one.event(TIME_SET, s, us)
    return struct.pack(CORRECTION, max(min(s, 0x7FFFFFFF), -0x80000000), us)
