# How apps read their parameters, with or without the service that keeps them: core/params.py.
from core.lines import position

NAME, LOWEST, HIGHEST, DEFAULT, RISKY = 0, 4, 5, 6, 7  # positions in a parameter's line


def default(line, parts):
    """The default of a parameter's line: a raw value, or where it stands in the board's parts: "NAME", "NAME.0.1"."""
    value = line[DEFAULT]
    if isinstance(value, str):
        path = value.split(".")
        value = getattr(parts, path[0])
        for position in path[1:]:
            value = value[int(position)]
    return value


def of(board, table):
    """board.params, or what get() of it would say if it were there: the defaults of the table."""
    return getattr(board, "params", None) or _Defaults(board.parts, table)


class _Defaults:
    def __init__(self, parts, table):
        self._parts = parts
        self._table = table

    def get(self, name):
        return default(self._table[position(self._table, NAME, name)], self._parts)

    def on_change(self, name, function):
        pass
