# What is looked at in every packet, in viper: the interpreter takes ten times as long.
#
# No interrupt is served within a viper or native function, unless it calls one of the interpreter's: so what is done
# here to pool and inbox needs no `held` (output.py).
import micropython
from micropython import const

TAKEN = const(0)
FILLED = const(1)
HANDING = const(7)
CONNECTIONS = const(8)
URGENT = const(9)
DUE = const(10)
# words of the node's facts
_TAKEN = const(0)  # the place of the inbox that is taken next
_FILLED = const(1)  # the place that is filled next
_VERSION = const(2)
_ADDRESS = const(3)
_BROADCAST = const(4)
_HEADER = const(5)  # where the header starts in a buffer: a CRC may cover it
_PLACES = const(6)  # of the inbox
_HANDING = const(7)  # 1 while somebody has the packet taken last
_CONNECTIONS = const(8)  # 1: somebody has to be asked before the handlers
_URGENT = const(9)  # 1: an interface wants its tick now
_DUE = const(10)  # ticks, ms: so late a tick is not put off
_CRC32 = const(0x01)
_OTHERS = const(0x0E)  # RDP, XTEA, HMAC
_DATA = const(8)
_CRC_SIZE = const(4)
_FREE = const(0)  # of pool.py
_PERIOD = const(0x3FFFFFFF)  # of ticks, which are alike in these bits on all ports
_HALF = const(0x20000000)
_LAST_BIND = const(16)  # of node.py


@micropython.viper
def hand_out(node, hot) -> int:
    """Give what has come in to its handlers, and call the tick that is due; 1 if there may be more. hot: see Node."""
    inbox, facts, packets, state, handlers, none, ms, unpack, run, table = hot
    known = ptr32(facts)
    if known[_URGENT]:
        known[_URGENT] = 0
        node.tick(ms())
    left = known[_PLACES]
    while left:
        place = known[_TAKEN]
        if place == known[_FILLED]:
            break
        left -= 1
        packet = inbox[place]
        place += 1
        known[_TAKEN] = 0 if place == known[_PLACES] else place
        buffer = packet.buffer
        ends = int(unpack(packet, buffer, known[_VERSION]))
        dst = ends & 0x3FFF
        src = ends >> 14
        flags = ptr8(buffer)[7]
        size = int(packet.size)
        # plain: for this node or all, from another one, its CRC right if it has one
        plain = 0
        if dst == known[_ADDRESS] or dst == known[_BROADCAST]:
            if not flags & _OTHERS and src and src != known[_ADDRESS] and src != known[_BROADCAST]:
                plain = 1
                if flags & _CRC32:
                    size -= _CRC_SIZE
                    plain = 0
                    if size >= 0:
                        stop = size + _DATA
                        plain = int(run(0, _DATA, table, buffer, stop, 1))
                        if not plain:
                            plain = int(run(0, known[_HEADER], table, buffer, stop, 1))
        interface = packet.interface
        if plain and not known[_CONNECTIONS] and interface.watch is none and interface.border is none:
            dport = int(packet.dport)
            handler = handlers[dport] if dport <= _LAST_BIND else none
            if handler is none:
                node.dispatch(packet, size)
            else:
                packet.size = size
                known[_HANDING] = 1  # Node.process catches what it raises: viper cannot name an exception
                handler(packet)
                known[_HANDING] = 0
        else:
            known[_HANDING] = 1
            node.look_closer(packet, interface, size if plain else -1)
            known[_HANDING] = 0
        # Pool.release
        holders = int(packet.holders) - 1
        packet.holders = holders
        if holders == 0:
            pooled = ptr32(state)
            place = pooled[_FREE]
            packets[place] = packet
            pooled[_FREE] = place + 1
        elif holders < 0:
            raise RuntimeError("packet released twice")
    now = ms()
    if int(now) - known[_DUE] & _PERIOD < _HALF:  # ticks_diff(now, DUE) >= 0
        node.tick(now)
    return 0 if left else 1


@micropython.viper
def let_go(packet, packets, state):
    """Pool.release."""
    holders = int(packet.holders) - 1
    if holders < 0:
        raise RuntimeError("packet released twice")
    packet.holders = holders
    if holders == 0:
        pooled = ptr32(state)
        free = pooled[_FREE]
        packets[free] = packet
        pooled[_FREE] = free + 1
