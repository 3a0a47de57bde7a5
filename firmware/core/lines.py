# A table as a board keeps it: one text, which stays in flash, read a line at a time. `dragonet generate compact` writes
# these texts (core/compact.py, <role>/compact.py) from the tables that the host reads: tuples of tuples. ASCII, as
# bytes: in a str MicroPython counts characters from the first to find the n-th.
#
#   \nNAME|CELL|CELL|...|      a line: its name, then its other columns in their order; the text ends with \n
#   CELL                       an integer, a number with point or exponent, None, True, False, else text
#   (CELL,CELL)                a tuple; (CELL,CELL;CELL,CELL;) a tuple of tuples; () an empty one
#
# Descriptions are left out: empty cells.
_WORDS = {"None": None, "True": True, "False": False}


class Lines:
    """Lines[k]: the k-th as a tuple, made anew each time. name_column: where the name stands in it.

    Nothing but the text is kept: to go through all of them, iterate.
    """

    def __init__(self, name_column, text):
        self._column = name_column
        self._text = text

    def __len__(self):
        return self._text.count(b"\n") - 1

    def __iter__(self):
        text = self._text
        at = 0
        end = text.find(b"\n", 1)
        while end > 0:
            yield self._line(at + 1, end)
            at = end
            end = text.find(b"\n", at + 1)

    def __getitem__(self, k):
        text = self._text
        at = end = 0 if k >= 0 else -1
        while end >= 0:
            end = text.find(b"\n", at + 1)
            if k == 0 and end > 0:
                return self._line(at + 1, end)
            at = end
            k -= 1
        raise IndexError(k)

    def _line(self, start, end):
        cells = str(self._text[start:end], "ascii").split("|")
        name = cells.pop(0)
        line = [_value(cell) for cell in cells]
        line.insert(self._column, name)
        return tuple(line)

    def position(self, name):
        """Of the line of this name. KeyError: there is none."""
        at = self._text.find(("\n%s|" % name).encode())
        if at < 0:
            raise KeyError(name)
        return self._text.count(b"\n", 0, at)


def position(table, name_column, name):
    """Position of a line in a table of either kind. KeyError: there is none of this name."""
    if isinstance(table, Lines):
        return table.position(name)
    for k, line in enumerate(table):
        if line[name_column] == name:
            return k
    raise KeyError(name)


def _value(cell):
    if cell in _WORDS:
        return _WORDS[cell]
    first = cell[1:2] if cell[:1] == "-" else cell[:1]
    if first.isdigit():
        return float(cell) if "." in cell or "e" in cell else int(cell)
    if first != "(":
        return cell
    inner = cell[1:-1]
    if ";" in inner:
        return tuple([_row(each) for each in inner.split(";")[:-1]])
    return _row(inner) if inner else ()


def _row(text):
    return tuple([_value(cell) for cell in text.split(",")])
