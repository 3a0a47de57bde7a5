# The sensor board's app: its tasks, and their counters into housekeeping.
from core import burn_wire, ports
from machine import Pin
from micropython import const

from sensor.ais import TYPES
from sensor.drops import REASONS
from sensor.compact import HK
from sensor.receiver import Receiver
from sensor.sensors import Sensors

_SENSORS_DEADLINE_MS = const(5_000)
_AIS_DEADLINE_MS = const(5_000)
_ANTENNA_DEADLINE_MS = const(5_000)

_ANTENNA = HK.index("ais_antenna")
_BURNS = HK.index("burns")
_SHIPS = HK.index("ships")
_EVICTED = HK.index("ships_evicted")
_UNSENT = HK.index("ships_unsent")
_PACKETS = HK.index("ship_packets")
_STATIC_DROPPED = HK.index("static_dropped")
_SENTENCES = HK.index("sentences")
_TYPES = HK.index("ais_%d" % TYPES[0])
_OTHER = HK.index("ais_other")
_DROPPED = HK.index("drop_" + REASONS[0])
_BAD_MMSI = HK.index("drop_mmsi")
_FULL = HK.index("uart_full")
_U16_MOST = const(0xFFFE)
_MODE_STALE_S = const(60)  # an EPS silent for so long does not keep the burn wire cold


def start(board):
    """Makes what the board has and registers its tasks. What is missing is counted, and the rest goes on."""
    antenna = _antenna(board)
    uart = None
    try:
        uart = board.pins.make_ais_uart(board.parts.AIS_BAUD, board.parts.AIS_RXBUF)
    except (OSError, ValueError):
        board.fault()
    receiver = Receiver(board, uart, board.parts.AIS_RXBUF)
    sensors = Sensors(board)
    board.supervisor.task("sensors", sensors.run, _SENSORS_DEADLINE_MS)
    board.supervisor.task("ais", receiver.run, _AIS_DEADLINE_MS)
    board.supervisor.task("antenna", antenna.run, _ANTENNA_DEADLINE_MS)
    board.before_hk(lambda: _count(board.hk, receiver, antenna))
    board.before_hk(receiver.tell_full)


def _antenna(board):
    pins = board.pins
    arm = Pin(pins.ARM, Pin.OUT, value=0)
    fire = Pin(pins.FIRE, Pin.OUT, value=0)
    deployed = Pin(pins.AIS_ANTENNA, Pin.IN, Pin.PULL_DOWN)
    record = board.record("sensor", burn_wire.SIZE)
    return burn_wire.BurnWire(board, arm, fire, deployed, record, lambda: _power_is_low(board))


def _power_is_low(board):
    return board.mode_age_s < _MODE_STALE_S and board.mode in (ports.LOW_POWER, ports.SAFE, ports.CRITICAL)


def _count(hk, receiver, antenna):
    """Counters into housekeeping, just before it is packed."""
    hk[_ANTENNA] = antenna.deployed
    hk[_BURNS] = antenna.attempts
    table = receiver.ships
    sentences = receiver.nmea
    hk[_SHIPS] = table.count
    hk[_EVICTED] = table.evicted
    hk[_UNSENT] = table.unsent
    hk[_PACKETS] = receiver.packets
    hk[_STATIC_DROPPED] = min(table.static_dropped, _U16_MOST)
    hk[_SENTENCES] = sentences.sentences
    known = 0
    for k, kind in enumerate(TYPES):
        hk[_TYPES + k] = receiver.types[kind]
        known += receiver.types[kind]
    hk[_OTHER] = sum(receiver.types) - known
    for k in range(len(REASONS)):
        hk[_DROPPED + k] = min(sentences.dropped[k], _U16_MOST)
    hk[_BAD_MMSI] = min(table.refused, _U16_MOST)
    hk[_FULL] = min(receiver.full, _U16_MOST)
