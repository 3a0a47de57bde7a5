# Starts the board's app: parts.ROLE names it. An app that cannot start leaves the core running for a minute, then a new try.
import parts
import pins
from core.board import Board
from core.telemetry import COMMON, Set

_RETRY_S = 60


def _module(name):
    return __import__("%s.%s" % (parts.ROLE, name), None, None, (name,))


def start():
    """The board, its app started or a reset due."""
    try:
        table = _module("hk").HK
    except Exception:
        table = Set(parts.ROLE, COMMON)  # its hash tells the others that the table is not the usual one
    board = Board(parts, pins, table)
    try:
        _module("app").start(board)
    except Exception:
        board.supervisor.failed("start")
        board.supervisor.task("retry", lambda checkin: board.reset_after(checkin, _RETRY_S), 10_000)
    board.supervisor.feed()
    return board


if __name__ == "__main__":
    start().run()
