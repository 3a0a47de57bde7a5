# SFP: more than one packet's data over a connection (libcsp's csp_sfp.c). Header flag FRAG; each packet ends in
#
#  trailer, 8 bytes   offset u32 | total u32       big-endian, before RDP's; parts come strictly in order
#
# libcsp takes the memory that the wire claims. Here the receiver's buffer is the limit.
from csp.block import copy
from csp.errors import CspError, PacketTooLong
from csp.packet import DATA, FLAG_SFP

_TRAILER = 8


class TransferError(CspError):
    """A part of a transfer is missing, out of place, or claims another size."""


async def send(connection, data, timeout_ms=1000, part=200):
    """Send data of any length in parts of `part` bytes; False if a part was not accepted in time (ms, each)."""
    total = len(data)
    offset = 0
    while True:
        size = min(part, total - offset)
        if not await connection.send_part(data, offset, size, offset, total, timeout_ms):
            return False
        offset += size
        if offset >= total:
            return True


async def receive_into(connection, buffer, timeout_ms=1000):
    """Receive one transfer into buffer; its size, or None if a part did not come in time (ms, each).

    PacketTooLong: the transfer claims more than the buffer holds; nothing of it is kept. TransferError: see there. What
    was refused is counted in the stats of its interface.
    """
    expected = 0
    total = -1
    while total < 0 or expected < total:
        packet = await connection.read_packet(timeout_ms)
        if packet is None:
            return None
        stats = packet.interface.stats
        claimed = 0
        try:
            size = packet.size - _TRAILER
            if size < 0 or not packet.flags & FLAG_SFP:
                raise TransferError("a packet of %d bytes that is no part of a transfer" % packet.size)
            offset = _u32(packet.buffer, DATA + size)
            claimed = _u32(packet.buffer, DATA + size + 4)
            if claimed > len(buffer):
                raise PacketTooLong("transfer of %d bytes, %d at most" % (claimed, len(buffer)))
            if offset != expected or total >= 0 and claimed != total or offset + size > claimed:
                raise TransferError("part at %d of %d, expected %d" % (offset, claimed, expected))
            if size == 0 and claimed:
                raise TransferError("empty part")
            copy(buffer, offset, packet.buffer, DATA, size)
            expected += size
            total = claimed
        except CspError:
            if claimed > len(buffer):
                stats.too_long += 1
            else:
                stats.unserved += 1
            stats.drop += 1
            raise
        finally:
            connection.node.release(packet)
    return total


async def receive(connection, limit, timeout_ms=1000):
    """Receive one transfer of at most limit bytes, as bytes; None, errors: as receive_into."""
    buffer = bytearray(limit)
    size = await receive_into(connection, buffer, timeout_ms)
    return None if size is None else bytes(memoryview(buffer)[:size])


def _u32(buffer, at):
    return buffer[at] << 24 | buffer[at + 1] << 16 | buffer[at + 2] << 8 | buffer[at + 3]
