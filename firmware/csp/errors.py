# What csp raises. Each says what was seen; a full pool or queue is no error but a False and a counter.


class CspError(Exception):
    """Base of all errors of this library."""


class AddressError(CspError):
    """An address, mask or next hop does not fit the version in use (5 bits in v1, 14 in v2)."""


class PortError(CspError):
    """A port is out of range, or another handler is bound to it."""


class PacketTooLong(CspError):
    """The data and its trailers do not fit a packet buffer or the way to the destination."""


class NoRoute(CspError):
    """No interface leads to the destination."""


class InterfaceError(CspError):
    """An interface is unknown, bears a name in use, or belongs to another node."""


class NoConnection(CspError):
    """All connections are in use, or this one is closed."""


class Timeout(CspError):
    """What was awaited did not come in time."""
