# What every interface offers to the node: the base of CanInterface, I2cInterface, KissInterface and Loopback.
from csp.errors import InterfaceError
from csp.stats import Stats

NAME_LAST = 10  # characters: if_stats has 11 bytes for a name and its NUL


class Interface:
    """name: as in if_stats. An interface gives whole packets, held once, to node.arrived().

    InterfaceError: the name is too long or empty.
    """

    mtu = 256  # bytes of data and trailers
    copy_ms = 100  # a copy of what came by another interface comes so late at most
    never = -1  # what tick() returns when nothing is due

    def __init__(self, name):
        if not 0 < len(name) <= NAME_LAST:
            raise InterfaceError("interface name %r" % name)
        self.name = name
        self.stats = Stats()
        self.node = None
        self.border = None  # decides what may come in here, see border.py
        self.all_hosts = -1  # the broadcast address of the interface's subnet
        # what changes later belongs to the object from the start: a new attribute would allocate then
        self.deferred = False  # an interrupt came while the node's tables were held
        self.watch = None  # knows packets that may come by another interface too: its is_duplicate(packet) is asked
        self.way = 0  # its bit among those interfaces, for Dedup
        self.on_bus = True  # False while nothing can be sent

    def attach(self, node):
        """From Node.add_interface."""
        self.node = node

    def send(self, packet, via=-1):
        """Queue a packet, complete with header and trailers, and hold it until sent. False: no room; counted."""
        raise NotImplementedError

    def service(self):
        """Serve what interrupts left while the tables were held."""

    def tick(self, now):
        """Called about once a second with the tables held; now: ticks, ms. Returns ms until the next time, or -1."""
        return self.never
