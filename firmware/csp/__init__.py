# CubeSat Space Protocol, byte-compatible with libcsp, for boards: bounded, and without allocation on the packet path.
from csp.node import Node
from csp.packet import CRITICAL, HIGH, LOW, NORMAL, Packet
