# The receiving half of drivers/mcp2515.py: from the chip's two buffers into a ring, Microchip DS20001801J sections 4, 7
# and 12.4.
#
# `drain` runs in the hard interrupt of INT, between any two bytecodes and while garbage is collected: it allocates
# nothing, raises nothing and touches only what is in its tuple. It takes the frames in the order in which they came,
# clears what holds INT low, and notes what the program has to look at. Never while the program talks to a chip
# (mcp2515_chip.Talk); the program calls it too.
import micropython
from micropython import const

# words of the notes
MASK = const(0)  # receive buffers that are read: 3, or 0 while nothing may be received at all
ENABLED = const(1)  # CANINTE
SENT = const(2)  # CANINTF.TXnIF that were cleared
EFLG = const(3)  # as read last, but the overflows
TROUBLE = const(4)  # 1: that has changed, or there was an error's interrupt
DEAD = const(5)  # 1: no answer
WORDS = const(6)

# again, for viper: const() of another module is no constant to it
_MASK = const(0)
_ENABLED = const(1)
_SENT = const(2)
_EFLG = const(3)
_TROUBLE = const(4)
_DEAD = const(5)
_FILLED = const(0)  # of can_ring.py
_TAKEN = const(1)
_ENTRIES = const(2)
_LOST = const(3)
_MOST = const(5)

_WRITE = const(0x02)
_MODIFY = const(0x05)
_CANINTE = const(0x2B)
_CANINTF = const(0x2C)
_EFLG_AT = const(0x2D)
_ERROR_BIT = const(0x20)      # CANINTF.ERRIF
_SERVED = const(0x3C)         # and TXnIF
_SLOT_BITS = const(0x1C)
_OVERRUNS = const(0xC0)       # EFLG.RX1OVR, RX0OVR, 6.7
_ROUNDS = const(16)           # of a drain: a chip that says nonsense must not keep the processor


# What `drain` sends and what it reads, for all chips: it is in one of them at a time.
BUFFERS = (
    b"\x03\x2c\0\0",  # 12.3, READ: CANINTF and EFLG
    bytearray(4),
    b"\x90\0\0\0\0\0\0\0\0\0\0\0\0\0",  # 12.4, READ RX BUFFER from RXB0SIDH; its end clears RX0IF
    b"\x94\0\0\0\0\0\0\0\0\0\0\0\0\0",  # from RXB1SIDH
    bytearray(14),
    bytearray((_MODIFY, 0, 0, 0)),
    bytearray((_WRITE, _CANINTE, 0)),
)


@micropython.viper
def drain(hot) -> int:
    """Read the chip empty; 1 when INT is still low."""
    select, exchange, write, level, ask, answer, first, second, head, clear, enable, frames, state, notes = hot
    note = ptr32(notes)
    ring = ptr32(state)
    told = ptr8(answer)
    data = ptr8(head)
    out = ptr8(clear)
    rows = ptr8(frames)
    older = 0  # what is in RXB1 came before what is in RXB0
    errors_seen = 0
    rounds = _ROUNDS
    while rounds:
        rounds -= 1
        select(0)
        exchange(ask, answer)
        select(1)
        flags = told[2]
        errors = told[3]
        if flags & errors == 0xFF:
            note[_DEAD] = 1
            return 0
        full = flags & note[_MASK]
        if errors & _OVERRUNS:
            out[1] = _EFLG_AT
            out[2] = _OVERRUNS
            select(0)
            write(clear)
            select(1)
            if note[_MASK]:
                ring[_LOST] += 2 if errors & _OVERRUNS == _OVERRUNS else 1
            errors &= 0x3F
        if errors != note[_EFLG]:
            note[_EFLG] = errors
            note[_TROUBLE] = 1
        served = flags & _SERVED
        if served:
            note[_SENT] |= served & _SLOT_BITS
            if served & _ERROR_BIT:
                note[_TROUBLE] = 1
                if errors_seen and note[_ENABLED] & _ERROR_BIT:  # it lasts as long as the errors do (7.7): not told
                    note[_ENABLED] &= ~_ERROR_BIT
                    ptr8(enable)[2] = note[_ENABLED]
                    select(0)
                    write(enable)
                    select(1)
                errors_seen = 1
            out[1] = _CANINTF
            out[2] = served
            select(0)
            write(clear)
            select(1)
        elif not full:
            return 0
        while full:
            which = 1 if full == 2 or full == 3 and older else 0
            full &= ~(1 << which)
            older = 1 - which  # in RXB1 what found RXB0 full, which it is no more
            select(0)
            exchange(second if which else first, head)
            select(1)  # this clears RXnIF
            at = ring[_FILLED]
            following = at + 1
            if following == ring[_ENTRIES]:
                following = 0
            if following == ring[_TAKEN]:
                ring[_LOST] += 1
                continue
            low = data[2]
            size = data[5] & 15
            if size > 8:
                size = 8
            identifier = data[1] << 3 | low >> 5
            kind = 0
            if low & 0x08:
                identifier = identifier << 18 | (low & 3) << 16 | data[3] << 8 | data[4]
                kind = 2 | data[5] >> 6 & 1
            else:
                kind = low >> 4 & 1
            at *= 16
            rows[at] = identifier & 0xFF
            rows[at + 1] = identifier >> 8 & 0xFF
            rows[at + 2] = identifier >> 16 & 0xFF
            rows[at + 3] = identifier >> 24
            rows[at + 4] = size
            rows[at + 5] = kind
            if kind & 1:  # a remote request has no data
                k = 8
                while k < 16:
                    rows[at + k] = 0
                    k += 1
            else:
                rows[at + 8] = data[6]
                rows[at + 9] = data[7]
                rows[at + 10] = data[8]
                rows[at + 11] = data[9]
                rows[at + 12] = data[10]
                rows[at + 13] = data[11]
                rows[at + 14] = data[12]
                rows[at + 15] = data[13]
            ring[_FILLED] = following
            waiting = following - ring[_TAKEN]
            if waiting < 0:
                waiting += ring[_ENTRIES]
            if waiting > ring[_MOST]:
                ring[_MOST] = waiting
        if note[_ENABLED] & 3 and int(level()):
            return 0
    return 1
