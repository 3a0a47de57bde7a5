# Non-volatile memory of a virtual board: each byte written is kept, whatever happens to the process afterwards.

_UNBUFFERED = 0  # a write is the kernel's at once, so it survives the process; flush() would wait for the disk (fsync)


class Memory:
    """folder: where its image is kept, None = in RAM. A new image is filled with `fill`."""

    def __init__(self, folder, name, size, fill):
        self._ram = None
        if folder is None:
            self._ram = bytearray(bytes((fill,)) * size)
            return
        path = "%s/%s.bin" % (folder, name)
        try:
            self._file = open(path, "r+b", _UNBUFFERED)
        except OSError:
            with open(path, "wb") as image:
                block = bytes((fill,)) * 4096
                for start in range(0, size, 4096):
                    image.write(block[: min(4096, size - start)])
            self._file = open(path, "r+b", _UNBUFFERED)

    def read(self, offset, length):
        if self._ram is not None:
            return bytes(self._ram[offset : offset + length])
        self._file.seek(offset)
        return self._file.read(length)

    def readinto(self, offset, buffer):
        if self._ram is not None:
            buffer[:] = self._ram[offset : offset + len(buffer)]
        else:
            self._file.seek(offset)
            self._file.readinto(buffer)

    def write(self, offset, data):
        if self._ram is not None:
            self._ram[offset : offset + len(data)] = data
        else:
            self._file.seek(offset)
            self._file.write(data)
