# Starts a board's app: parts.ROLE names it. An app that cannot start leaves the core running for a minute, then the
# board resets and tries again.
from micropython import const
from core import compact, services
from core.board import Board

_RETRY_S = const(60)
_RETRY_DEADLINE_MS = const(10_000)


def start(parts, pins):
    """The board, its app started or a reset due."""
    trouble = None
    try:
        dictionary = _module(parts.ROLE, "compact").dictionary()
    except Exception as error:
        # its hash tells the others that the dictionary is not the usual one
        dictionary = compact.dictionary(parts.ROLE)
        trouble = error
    board = Board(parts, pins, dictionary.hk)
    board.dictionary = dictionary
    services.attach(board)
    if trouble is None:
        try:
            _module(parts.ROLE, "app").start(board)
        except Exception as error:
            trouble = error
    if trouble is not None:
        board.supervisor.failed("start", trouble)
        board.supervisor.task("retry", lambda checkin: board.reset_after(checkin, _RETRY_S), _RETRY_DEADLINE_MS)
    board.supervisor.feed()
    return board


def _module(role, name):
    return __import__("%s.%s" % (role, name), None, None, (name,))
