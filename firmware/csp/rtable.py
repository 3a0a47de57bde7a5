# The routing table: which interface leads to a destination, and by which next hop (libcsp's rtable).
#
#  text form, as in libcsp:  "0/0 CANA, 8/11 KISS 5"   address/bits interface [next hop]
#  bits                      leading bits of the address that must agree (0 to 5 in v1, 14 in v2); more bits win
from csp.errors import AddressError, NoRoute
from csp.packet import ADDRESS_LAST

ROUTES = 10  # entries at most, as in libcsp
_WIDTH = (0, 5, 14)  # bits of an address, by version


class RouteTable:
    """Entries sorted by bits, most first: the first that agrees is the one."""

    def __init__(self, version):
        self._last = ADDRESS_LAST[version]
        self._width = _WIDTH[version]
        self._addresses = []
        self._masks = []
        self.interfaces = []
        self.vias = []  # -1: the destination itself

    def __len__(self):
        return len(self._addresses)

    def add(self, address, bits, interface, via=-1):
        """Set the way to these addresses; an entry for the same ones is replaced.

        AddressError: address, bits or next hop out of range. NoRoute: the table is full.
        """
        if not 0 <= bits <= self._width or not 0 <= address <= self._last or not -1 <= via <= self._last:
            raise AddressError("route %r/%r via %r" % (address, bits, via))
        mask = self._last >> bits ^ self._last
        address &= mask
        at = 0
        while at < len(self._masks) and self._masks[at] > mask:
            at += 1
        for k in range(at, len(self._masks)):
            if self._masks[k] == mask and self._addresses[k] == address:
                self.interfaces[k] = interface
                self.vias[k] = via
                return
        if len(self._masks) >= ROUTES:
            raise NoRoute("the routing table has no more than %d entries" % ROUTES)
        self._addresses.insert(at, address)
        self._masks.insert(at, mask)
        self.interfaces.insert(at, interface)
        self.vias.insert(at, via)

    def load(self, text, interfaces):
        """Add the entries of the text form. AddressError, NoRoute: as add, or text that is none of it."""
        for entry in text.split(","):
            words = entry.split()
            try:
                address, _, bits = words[0].partition("/")
                number = int(address)
                width = int(bits) if bits else self._width
                via = int(words[2]) if len(words) > 2 else -1
                name = words[1]
            except (ValueError, IndexError):
                raise AddressError("route %r: wanted 'address/bits interface [next hop]'" % entry)
            for interface in interfaces:
                if interface.name == name:
                    self.add(number, width, interface, via)
                    break
            else:
                raise NoRoute("route %r: no interface %s" % (entry, name))

    def find(self, dst):
        """Index of the entry for this destination, or -1."""
        addresses = self._addresses
        masks = self._masks
        for k in range(len(masks)):
            if dst & masks[k] == addresses[k]:
                return k
        return -1
