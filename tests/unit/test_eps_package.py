import json
import os
import unittest

ROOT = __file__.rsplit("/", 1)[0] + "/../../"


class Package(unittest.TestCase):
    def setUp(self):
        with open(ROOT + "boards/eps/package.json") as file:
            self.urls = json.loads(file.read())["urls"]

    def test_names_only_files_that_exist(self):
        for _, source in self.urls:
            os.stat(ROOT + "boards/eps/" + source)

    def test_carries_whatever_its_files_import(self):
        there = [target for target, _ in self.urls]
        missing = []
        for _, source in self.urls:
            with open(ROOT + "boards/eps/" + source) as file:
                lines = file.read().split("\n")
            for words in [line.split() for line in lines if line.lstrip().startswith("from ")]:
                name = words[1].replace(".", "/")
                if name.split("/")[0] in ("csp", "core", "drivers", "eps", "sensor"):
                    if name + ".py" not in there and name + "/__init__.py" not in there:
                        missing.append(name + ".py: add it to boards/eps/package.json")
        self.assertEqual(missing, [])

    def test_carries_the_whole_app(self):
        there = [target for target, _ in self.urls]
        for name in os.listdir(ROOT + "firmware/eps"):
            if name.endswith(".py"):
                self.assertIn("eps/" + name, there)
        for name in ("main.py", "boot.py", "parts.py", "pins.py"):
            self.assertIn(name, there)


if __name__ == "__main__":
    unittest.main()
