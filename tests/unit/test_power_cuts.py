# The harness of power cuts itself, on records and rings: it must find a store that loses, and pass one that does not.
import unittest

import power_cuts
from core.record import Record
from core.ring import Ring


class Careless:
    """Overwrites its only copy."""

    def __init__(self, fram):
        self._fram = fram
        self.data = bytearray(5)

    def load(self):
        self._fram.read_into(0, self.data)
        return True

    def save(self):
        self._fram.write(0, self.data)
        return True


def cuts_of(make):
    """Number of cuts that three saves by make(fram) survive."""

    def save(fram, done, texts):
        record = make(fram)
        record.load()
        for text in texts:
            record.data[:] = text
            if record.save():
                done.append(text)

    def check(fram, done):
        record = make(fram)
        assert record.load()
        assert bytes(record.data) in (done[-1], b"new-%d" % len(done)), (bytes(record.data), done)

    return power_cuts.every_cut(
        lambda fram, done: save(fram, done, (b"new-1", b"new-2", b"new-3")),
        check,
        lambda fram, done: save(fram, done, (b"new-0",)),
    )


class Cuts(unittest.TestCase):
    def test_a_record_survives_a_cut_before_within_and_after_each_write(self):
        self.assertEqual(cuts_of(lambda fram: Record(fram, 0, 5)), 3 * 3)

    def test_a_store_that_overwrites_its_only_copy_is_found_out(self):
        with self.assertRaises(AssertionError):
            cuts_of(Careless)

    def test_a_ring_keeps_each_entry_that_it_acknowledged_but_the_oldest(self):
        def scenario(fram, done):
            ring = Ring(fram, 64, 8 * 12, 4)
            for _ in range(20):
                number = ring.next
                ring.data[:] = b"%04d" % number
                if ring.append():
                    done.append(number)

        def check(fram, done):
            ring = Ring(fram, 64, 8 * 12, 4)
            assert ring.open() and ring.next in (len(done), len(done) + 1), (ring.next, done)
            for number in range(ring.oldest, ring.next):
                assert ring.read(number) and bytes(ring.found[4:]) == b"%04d" % number, number

        self.assertEqual(power_cuts.every_cut(scenario, check), 20 * 3)

    def test_a_scenario_that_writes_nothing_proves_nothing(self):
        with self.assertRaises(AssertionError):
            power_cuts.every_cut(lambda fram, done: None, lambda fram, done: None)
