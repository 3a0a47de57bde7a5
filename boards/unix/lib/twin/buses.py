# machine.I2C, SPI and ADC of the virtual board: transfers reach the device models wired to it and take their time.
import micropython
import twin

from .i2c_wires import Cleared

_EIO = 5  # rp2 raises OSError(EIO) where no device acknowledges


class I2C:
    """machine.I2C, controller only; what an I2CTarget of the same peripheral does to it: i2c_target.py."""

    def __init__(self, id=0, *, scl=None, sda=None, freq=400_000, timeout=50_000):
        self._board = twin.board
        self.id = id
        self.timeout_us = timeout
        # address: device; None: what else is there, the wires to other boards or a cleared controller
        self._devices = self._board.i2c_buses.setdefault(id, {})
        self.init(freq=freq)

    def init(self, *, scl=None, sda=None, freq=400_000):
        if not 1_000 <= freq <= 1_000_000:
            raise ValueError("I2C freq %d" % freq)
        self.bit_ns = 1_000_000_000 // freq
        self._register = bytearray(2)
        self._transfer_us = self._board.costs["i2c_transfer"]
        rest = self._devices.get(None)
        if isinstance(rest, Cleared):
            rest.target.disable()
            del self._devices[None]
            self._devices.update(rest.before)

    def deinit(self):
        pass

    def _device(self, address, size, stop=True, last=True):
        """The device, after the time that its transfer of `size` bytes takes; OSError when none acknowledges.

        stop, last: a write to it, a read from it ends with STOP.
        """
        device = self._devices.get(address)
        if device is None:
            if None in self._devices:
                self._board.kernel.charge(self._transfer_us)
                return self._devices[None].far(self, address, stop, last)
            size = 0
        self._board.kernel.charge(self._transfer_us + (10 + 9 * size) * self.bit_ns // 1000)
        if device is None:
            raise OSError(_EIO)
        return device

    def scan(self):
        found = []
        for address in range(0x08, 0x78):
            try:
                device = self._device(address, 0)
                if address not in self._devices:
                    device.write(b"")
                found.append(address)
            except OSError:
                pass
        return found

    def writeto(self, addr, buf, stop=True):
        self._device(addr, len(buf), stop).write(buf)
        return len(buf)

    def writevto(self, addr, vector, stop=True):
        return self.writeto(addr, b"".join(bytes(part) for part in vector), stop)

    def readfrom(self, addr, nbytes, stop=True):
        buf = bytearray(nbytes)
        self.readfrom_into(addr, buf, stop)
        return bytes(buf)

    def readfrom_into(self, addr, buf, stop=True):
        self._device(addr, len(buf), True, stop).readinto(buf)

    def readfrom_mem(self, addr, memaddr, nbytes, *, addrsize=8):
        buf = bytearray(nbytes)
        self.readfrom_mem_into(addr, memaddr, buf, addrsize=addrsize)
        return bytes(buf)

    def readfrom_mem_into(self, addr, memaddr, buf, *, addrsize=8):
        register = self._memory_address(memaddr, addrsize)
        device = self._device(addr, len(buf) + len(register) + 1, False)
        device.write(register)
        device.readinto(buf)

    def writeto_mem(self, addr, memaddr, buf, *, addrsize=8):
        data = bytearray(self._memory_address(memaddr, addrsize))
        data.extend(buf)
        self._device(addr, len(data)).write(data)

    def _memory_address(self, memaddr, addrsize):
        if addrsize == 8:
            return bytes((memaddr & 0xFF,))
        if addrsize == 16:
            self._register[0] = memaddr >> 8 & 0xFF
            self._register[1] = memaddr & 0xFF
            return self._register
        if addrsize in (0, 24, 32):
            return bytes(memaddr >> shift & 0xFF for shift in range(addrsize - 8, -1, -8))
        raise ValueError("addrsize %d" % addrsize)


class SPI:
    """machine.SPI, controller. The device whose chip select is low answers; none reads as 0xFF (pull-up)."""

    MSB = 0
    LSB = 1

    def __init__(self, id=0, baudrate=1_000_000, *, polarity=0, phase=0, bits=8, firstbit=MSB,
                 sck=None, mosi=None, miso=None):
        self._board = twin.board
        self._devices = self._board.spi_buses.setdefault(id, [])
        self.init(baudrate)

    def init(self, baudrate=1_000_000, *, polarity=0, phase=0, bits=8, firstbit=MSB):
        if bits != 8 or firstbit != self.MSB:
            raise ValueError("SPI: only 8 bits, MSB first")
        self._byte_ns = 8_000_000_000 // baudrate
        self._transfer_us = self._board.costs["spi_transfer"]

    def deinit(self):
        pass

    def _exchange(self, out, into):
        kernel = self._board.kernel
        if not kernel.locked:
            return self._transfer(out, into)
        kernel.locked = False  # in a hard handler: what the models take is not the firmware's
        micropython.heap_unlock()
        try:
            self._transfer(out, into)
        finally:
            micropython.heap_lock()
            kernel.locked = True

    def _transfer(self, out, into):
        self._board.kernel.charge(self._transfer_us + len(out) * self._byte_ns // 1000)
        for wire, device in self._devices:
            if wire.level == 0:
                device.transfer(out, into)
                return
        if into is not None:
            for i in range(len(into)):
                into[i] = 0xFF

    def write(self, buf):
        self._exchange(buf, None)

    def readinto(self, buf, write=0):
        self._exchange(bytes((write,)) * len(buf), buf)

    def read(self, nbytes, write=0):
        buf = bytearray(nbytes)
        self.readinto(buf, write)
        return bytes(buf)

    def write_readinto(self, write_buf, read_buf):
        if len(write_buf) != len(read_buf):
            raise ValueError("buffers must be the same length")
        self._exchange(write_buf, read_buf)


class ADC:
    """machine.ADC with a 3.3 V reference and 12 bits, as on the RP2040."""

    def __init__(self, pin):
        self._board = twin.board
        self._pin = pin if isinstance(pin, int) else pin.number
        if self._pin not in self._board.analog:
            raise ValueError("Pin doesn't have ADC capabilities")

    def _raw(self):
        self._board.kernel.charge(self._board.costs["adc_read"])
        volts = self._board.analog[self._pin]() + self._board.noise() * 0.0008  # 1 LSB rms, RP2040 4.9.3
        return min(4095, max(0, int(volts / 3.3 * 4095 + 0.5)))

    def read_u16(self):
        raw = self._raw()
        return raw << 4 | raw >> 8

    def read_uv(self):
        return self._raw() * 3_300_000 // 4095
