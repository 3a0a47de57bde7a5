# The fragments of a packet that is sent, in viper; cfp1.py and cfp2.py say how their frames look.
import micropython
from micropython import const
from array import array

# words of a sender's state
_BASE = const(0)  # the identifier without what counts fragments
_INDEX = const(1)  # of the current fragment
_LAST = const(2)  # index of the last
_SIZE = const(3)  # bytes of data and trailers
_VERSION = const(4)
_DATA = const(8)  # where they lie in the buffer
_MORE = const(0x40000)  # CFP1
_BEGIN = const(2)  # CFP2
_END = const(1)


class Sender:
    """Base of the two senders: the packets of one priority that wait to be sent, oldest first, and the fragments of the
    one being sent."""

    def __init__(self, version, priority, length):
        self.priority = priority
        self.packets = [None] * length
        self.first = 0
        self.count = 0
        self.slot = -1  # transmit buffer of the controller that holds the current fragment
        self.state = array("i", (0, 0, 0, 0, version))
        self.buffer = None

    def _begin(self, packet, base, last):
        state = self.state
        state[_BASE] = base
        state[_INDEX] = 0
        state[_LAST] = last
        state[_SIZE] = packet.size
        self.buffer = packet.buffer

    def fill(self, frames):
        """Put the current fragment into frames[its size] (buffers of 0 to 8 bytes) and return its size."""
        return fill(self.state, self.buffer, frames)

    def identifier(self):
        """Of the current fragment."""
        return identifier(self.state)

    def advance(self):
        """Go to the next fragment; False after the last."""
        self.state[_INDEX] += 1
        return self.state[_INDEX] <= self.state[_LAST]


@micropython.viper
def identifier(state) -> int:
    words = ptr32(state)
    index = words[_INDEX]
    if words[_VERSION] == 2:
        found = words[_BASE] | (index & 7) << 2
        if index == 0:
            found |= _BEGIN
        if index == words[_LAST]:
            found |= _END
        return found
    found = words[_BASE] | words[_LAST] - index << 10
    if index:
        found |= _MORE
    return found


@micropython.viper
def fill(state, buffer, frames) -> int:
    words = ptr32(state)
    source = ptr8(buffer)
    index = words[_INDEX]
    size = words[_SIZE]
    if words[_VERSION] == 2:
        start = 8 * index + 4
    elif index:
        start = 8 * index + 2
    else:  # BEGIN of CFP1: header, length, up to two bytes
        inside = size if size < 2 else 2
        frame = frames[6 + inside]
        into = ptr8(frame)
        k = 0
        while k < 4:
            into[k] = source[4 + k]
            k += 1
        into[4] = size >> 8 & 0xFF
        into[5] = size & 0xFF
        k = 0
        while k < inside:
            into[6 + k] = source[_DATA + k]
            k += 1
        return 6 + inside
    left = size + _DATA - start
    if left > 8:
        left = 8
    frame = frames[left]
    into = ptr8(frame)
    k = 0
    while k < left:
        into[k] = source[start + k]
        k += 1
    return left
