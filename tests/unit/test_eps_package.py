import json
import os
import unittest

ROOT = __file__.rsplit("/", 1)[0] + "/../../"


def listed(folder):
    """Flight files of a package; benchmarks stay on the desk."""
    return [name for name in os.listdir(ROOT + "firmware/" + folder) if name.endswith(".py") and name[:6] != "bench_"]


class Package(unittest.TestCase):
    def setUp(self):
        with open(ROOT + "boards/eps/package.json") as file:
            self.urls = json.loads(file.read())["urls"]

    def test_names_only_files_that_exist(self):
        for _, source in self.urls:
            os.stat(ROOT + "boards/eps/" + source)

    def test_carries_whatever_its_files_import(self):
        there = [target for target, _ in self.urls]
        for _, source in self.urls:
            with open(ROOT + "boards/eps/" + source) as file:
                lines = file.read().split("\n")
            for words in [line.split() for line in lines if line.lstrip().startswith("from ")]:
                path = words[1].split(".")
                if path[0] in ("csp", "core", "drivers", "eps", "sensor", "beacon") and words[1] != "drivers.mcp2515":
                    name = "/".join(path)
                    self.assertTrue(name + ".py" in there or name + "/__init__.py" in there)

    def test_carries_all_of_the_core_the_bus_and_the_app(self):
        there = [target for target, _ in self.urls]
        for folder in ("core", "csp", "eps"):
            for name in listed(folder):
                self.assertIn(folder + "/" + name, there)
        for name in ("main.py", "parts.py", "pins.py", "drivers/fram.py", "drivers/ina226.py", "drivers/tmp117.py"):
            self.assertIn(name, there)


if __name__ == "__main__":
    unittest.main()
