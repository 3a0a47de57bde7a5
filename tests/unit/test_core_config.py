# /config.json: whatever it holds, a board starts, and transmits only when it knows who it is and where.
import unittest

from core import config

GOOD = {
    "callsign": "XV9AA",
    "satellite": "NANODRAGON",
    "country": "VIETNAM",
    "frequency_hz": 437_375_000,
    "tx_power_dbm": 17,
    "csp_version": 2,
}


def changed(**changes):
    found = dict(GOOD)
    for name in changes:
        found[name] = changes[name]
    return config.check(found)


class Check(unittest.TestCase):
    def test_a_whole_configuration_is_taken_as_it_is(self):
        checked = config.check(GOOD)
        for name in GOOD:
            self.assertEqual(checked[name], GOOD[name])
        self.assertFalse(checked["rf_inhibited"])
        self.assertEqual(checked["errors"], 0)

    def test_no_callsign_or_no_frequency_inhibits_rf(self):
        for name in ("callsign", "frequency_hz"):
            for value in (None, "", 0):
                checked = changed(**{name: value})
                self.assertTrue(checked["rf_inhibited"])
                self.assertEqual(checked["errors"], 1)

    def test_wrong_types_and_ranges_take_safe_defaults_and_inhibit_rf(self):
        wrong = (
            ("callsign", 7), ("callsign", "X\n9AA"), ("callsign", "TOOLONGCALL"),
            ("satellite", ""), ("satellite", ["A"]), ("country", "\u1ec7"),
            ("frequency_hz", "437375000"), ("frequency_hz", 145_900_000), ("frequency_hz", 436.5e6),
            ("tx_power_dbm", 30), ("tx_power_dbm", True), ("battery_mah", -1),
            ("csp_version", 3), ("csp_version", True),
        )  # fmt: skip
        for name, value in wrong:
            checked = changed(**{name: value})
            self.assertTrue(checked["rf_inhibited"], name)
            self.assertEqual(checked["errors"], 1, name)
            defaults = [key[4] for key in config.KEYS if key[0] == name]
            self.assertEqual(checked.get(name), defaults[0])

    def test_what_may_be_left_out_takes_its_default(self):
        checked = config.check({"callsign": "XV9AA", "frequency_hz": 437_375_000})
        self.assertFalse(checked["rf_inhibited"])
        self.assertEqual(checked["tx_power_dbm"], 2)
        self.assertNotIn("battery_mah", checked)

    def test_an_unknown_key_is_counted_and_does_not_silence_the_satellite(self):
        checked = changed(colour="red")
        self.assertFalse(checked["rf_inhibited"])
        self.assertEqual(checked["errors"], 1)
        self.assertNotIn("colour", checked)

    def test_a_file_cannot_claim_the_results_of_the_check(self):
        checked = config.check({"rf_inhibited": False, "errors": 0})
        self.assertTrue(checked["rf_inhibited"])

    def test_anything_but_an_object_gives_safe_defaults(self):
        for found in (None, [], "x", 7, True):
            checked = config.check(found)
            self.assertTrue(checked["rf_inhibited"])
            self.assertEqual(checked["callsign"], "")
            self.assertEqual(checked["csp_version"], 2)

    def test_defaults_are_valid_themselves(self):
        for name, kind, low, high, default in config.KEYS:
            if default is not None and name != "callsign":
                self.assertTrue(config._valid(default, kind, low, high), name)


class Files(unittest.TestCase):
    def setUp(self):
        import os

        self.os = os
        self.path = "core_config_%d.json" % id(self)

    def tearDown(self):
        try:
            self.os.remove(self.path)
        except OSError:
            pass

    def load(self, content):
        with open(self.path, "wb") as file:
            file.write(content)
        return config.load(self.path)

    def test_a_file_is_read(self):
        checked = self.load(b'{"callsign": "XV9AA", "frequency_hz": 437375000, "tx_power_dbm": 14}')
        self.assertEqual((checked["callsign"], checked["tx_power_dbm"]), ("XV9AA", 14))
        self.assertFalse(checked["rf_inhibited"])

    def test_a_missing_file_gives_safe_defaults(self):
        self.assertTrue(config.load("nowhere/config.json")["rf_inhibited"])

    def test_damaged_files_give_safe_defaults(self):
        late = b" " * 5000 + b"{}"
        for content in (b"", b"{", b'{"callsign": "XV9', b"\xff\xfe\x00", b"[" * 5000, b"\0" * 100, late):
            checked = self.load(content)
            self.assertTrue(checked["rf_inhibited"])
            self.assertGreater(checked["errors"], 0)
