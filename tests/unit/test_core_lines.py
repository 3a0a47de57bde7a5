# core/lines.py, and that what boards keep of their dictionaries says the same as the tables do.
import unittest

from core import compact, lines
from core.command_table import COMMANDS
from core.event_table import EVENTS
from core.hk_table import COMMON
from core.lines import Lines
from core.parameter_table import PARAMETERS
from core.system_table import SYSTEM
from core.telemetry import Set, hash_of

TEXT = b"""
one|1|-2|0.001|1e-05|None|True|False|a b|
two|()|(x,-1)|(x,1;y,None;)||
"""


def module(role, name):
    return __import__("%s.%s" % (role, name), None, None, (name,))


def undescribed(table):
    return [tuple(line[:-1]) + ("",) for line in table]


class OneText(unittest.TestCase):
    def test_cells_are_read_as_what_they_are(self):
        table = Lines(0, TEXT)
        self.assertEqual(len(table), 2)
        self.assertEqual(table[0], ("one", 1, -2, 0.001, 1e-05, None, True, False, "a b", ""))
        self.assertEqual([type(cell) for cell in table[0][1:4]], [int, int, float])
        self.assertEqual(table[1], ("two", (), ("x", -1), (("x", 1), ("y", None)), "", ""))

    def test_the_name_stands_in_its_column(self):
        self.assertEqual(Lines(1, TEXT)[0][:3], (1, "one", -2))

    def test_a_line_is_found_by_its_whole_name_only(self):
        table = Lines(0, b"\none|two|\ntwo_|x|\ntwo|y|\n")
        self.assertEqual([table.position(name) for name in ("one", "two_", "two")], [0, 1, 2])
        for name in ("tw", "x", "", "One", "wo_"):
            with self.assertRaises(KeyError):
                table.position(name)
            with self.assertRaises(KeyError):
                lines.position((("one", 1), ("two_", 2)), 0, name)
        self.assertEqual(lines.position((("one", 1), ("two_", 2)), 0, "two_"), 1)

    def test_it_ends_with_its_last_line(self):
        table = Lines(0, TEXT)
        for k in (2, -1):
            with self.assertRaises(IndexError):
                table[k]
        self.assertEqual([line[0] for line in table], ["one", "two"])
        self.assertEqual(len(Lines(0, b"\n")), 0)


class OnBoard(unittest.TestCase):
    def compare(self, kept, full):
        self.assertEqual([tuple(line) for line in kept], full)

    def compare_sets(self, kept, full):
        self.compare(kept.fields, undescribed(full.fields))
        self.assertEqual((kept.name, kept.size, kept.hash), (full.name, full.size, full.hash))
        self.assertEqual(hash_of(kept.lines()), full.hash)
        self.assertEqual([kept.index(name) for name in full.names], list(range(len(full.names))))

    def test_each_role_keeps_its_whole_dictionary(self):
        for role in ("eps", "beacon", "sensor"):
            full = module(role, "dictionary").DICTIONARY
            kept = module(role, "compact").dictionary()
            self.compare(kept.parameters, undescribed(full.parameters))
            self.compare(kept.events, undescribed(full.events))
            self.compare(kept.commands, undescribed(full.commands))
            self.compare(kept.limits, list(full.limits))
            self.assertEqual(len(kept.sets), len(full.sets))
            for k in range(len(full.sets)):
                self.compare_sets(kept.sets[k], full.sets[k])
            self.assertEqual((kept.role, kept.hash), (role, full.hash))
            self.assertEqual(hash_of(kept.lines()), full.hash)

    def test_a_board_without_its_own_has_the_cores(self):
        kept = compact.dictionary("eps")
        self.compare_sets(kept.hk, Set("eps", COMMON))
        self.compare_sets(kept.sets[1], SYSTEM)
        self.compare(kept.parameters, undescribed(PARAMETERS))
        self.compare(kept.events, undescribed(EVENTS))
        self.compare(kept.commands, undescribed(COMMANDS))


if __name__ == "__main__":
    unittest.main()
