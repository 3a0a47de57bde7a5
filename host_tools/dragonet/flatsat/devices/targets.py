# What register chips on I2C have in common: a pointer that a write sets, then data. Runs in both interpreters.
# dead: set to True and nothing answers, as when the part or its bus segment has failed.


class Words:
    """Registers of 16 bits, most significant byte first. A chip has its _load(register) and _store(register, value)."""

    def __init__(self):
        self.dead = False
        self._pointer = 0

    def write(self, data):
        if self.dead:
            raise OSError(5)
        if not len(data):
            return
        self._pointer = data[0]
        if len(data) >= 3:  # a write that is cut short changes nothing
            self._store(data[0], data[1] << 8 | data[2])

    def readinto(self, buf):
        if self.dead:
            raise OSError(5)
        value = self._load(self._pointer)
        for i in range(len(buf)):
            buf[i] = value & 0xFF if i & 1 else value >> 8

    def read_byte(self, index):
        """readinto() by single bytes, for a controller that does not say how many it wants; index counts from 0."""
        if not index:
            self._value = self._load(self._pointer)
        return self._value & 0xFF if index & 1 else self._value >> 8

    def _load(self, register):
        raise NotImplementedError

    def _store(self, register, value):
        raise NotImplementedError


class Bytes:
    """Registers of 8 bits. A chip has its _load(register), _store(register, value) and _update(), before a read."""

    def __init__(self):
        self.dead = False
        self._pointer = 0

    def write(self, data):
        if self.dead:
            raise OSError(5)
        if not len(data):
            return
        self._pointer = data[0] & 0x7F
        for i in range(1, len(data)):
            self._store(self._pointer, data[i])
            self._step()

    def readinto(self, buf):
        if self.dead:
            raise OSError(5)
        self._update()
        for i in range(len(buf)):
            buf[i] = self._load(self._pointer)
            self._step()

    def read_byte(self, index):
        """As that of Words."""
        if not index:
            self._update()
        value = self._load(self._pointer)
        self._step()
        return value

    def _step(self):
        # To the next register.
        self._pointer = (self._pointer + 1) & 0x7F

    def _update(self):
        raise NotImplementedError

    def _load(self, register):
        raise NotImplementedError

    def _store(self, register, value):
        raise NotImplementedError
