# A FRAM of the tests: it keeps each byte as soon as it is written, and may lose power between any two.


class PowerCut(Exception):
    pass


class Memory:
    """Keeps every byte written; `budget` bytes from now the power fails."""

    def __init__(self, size=256, fill=0):
        self.cells = bytearray([fill] * size)
        self.budget = None
        self.failures = 0      # accesses that will find no answer
        self.protected = False

    def _answer(self):
        if self.failures:
            self.failures -= 1
            raise OSError(5)

    def read_into(self, address, buffer):
        self._answer()
        buffer[:] = self.cells[address : address + len(buffer)]

    def write(self, address, data):
        self._answer()
        for k in range(len(data)):
            if self.budget is not None:
                if self.budget == 0:
                    raise PowerCut()
                self.budget -= 1
            if not self.protected:
                self.cells[address + k] = data[k]
