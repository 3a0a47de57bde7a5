# The services that every board runs above the bus, in the order in which they start.
#
# Each is a class in a file of its own, made as Service(board) and found as board.<name>. One that cannot start is a
# fault; the board flies on without it.
from core import ports

_SERVICES = (
    # name, module, class
    ("events", "core.events", "Events"),
    ("keys", "core.keys", "Keys"),
    ("commands", "core.commands", "Commands"),
    ("params", "core.params", "Params"),
    ("time", "core.time_sync", "Time"),
    ("schedule", "core.schedule", "Schedule"),
    ("store", "core.store", "Store"),
    ("scrub", "core.scrub", "Scrub"),
    ("files", "core.files", "Files"),
    ("reports", "core.reports", "Reports"),
    ("limits", "core.limits", "Limits"),
    ("update", "core.update", "Update"),
)


def _heard(packet):
    """Events of other boards are for the ground: no loss."""


def attach(board):
    """Makes every service; each failure is counted and leaves its name None."""
    board.node.services.lines = board.supervisor.lines  # CSP's PS
    board.node.bind(ports.EVENT, _heard)
    for name, _, _ in _SERVICES:
        setattr(board, name, None)
    for name, module, kind in _SERVICES:
        try:
            made = getattr(__import__(module, None, None, (kind,)), kind)(board)
        except Exception as error:
            board.survive(name, error)
            made = None
        setattr(board, name, made)
    try:
        bench = __import__("bench_build")  # boards/bench; no flight image has it
    except ImportError:
        return
    try:
        bench.attach(board)
    except Exception as error:
        board.survive("bench", error)
