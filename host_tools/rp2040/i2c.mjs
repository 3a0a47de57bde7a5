// I2C controllers: each address and byte takes nine clocks; the world answers as the device at the address would.
//
// A write reaches its device whole, when STOP or a repeated START ends it; a read is asked for byte by byte, since
// the chip does not say beforehand how many it wants.
import { I2CMode } from './rp2040js.mjs';

const PIN_FUNCTION = 3, FUNCTION_BITS = 0x1f;
const IO_BANK0 = 0x40014, PINS = 30;

export class I2c {
  /** world: probe(bus, address, reading) -> acknowledged; write(bus, address, bytes); read(bus, address, index). */
  constructor(chip, number, world) {
    const i2c = chip.rp.i2c[number];
    const { clock } = chip;
    this.i2c = i2c;
    this.number = number;
    this.chip = chip;
    this.world = world;
    this.address = 0;
    this.out = null;
    this.index = 0;
    this.next = null;
    this.alarm = clock.createAlarm(() => this.next());
    i2c.onStart = (again) => this._start(again);
    i2c.onConnect = (address, mode) => this._connect(address, mode);
    i2c.onWriteByte = (byte) => this._write(byte);
    i2c.onReadByte = () => this._read();
    i2c.onStop = () => this._stop();
  }

  _after(clocks, next) {
    const { i2c } = this;
    const cycles = i2c.sclLowPeriod + i2c.sclHighPeriod + 8; // with its own edges: datasheet 4.3.14
    this.next = next;
    this.alarm.schedule(clocks * cycles * this.chip.cycleNanos);
  }

  _flush() {
    const { out } = this;
    this.out = null;
    return out === null || !out.length || this.world.write(this.number, this.address, Uint8Array.from(out));
  }

  _start() {
    this._flush();
    this._after(1, () => this.i2c.completeStart());
  }

  _connect(address, mode) {
    this._after(9, () => {
      const reading = mode === I2CMode.Read;
      const acknowledged = this.world.probe(this.number, address, reading);
      this.address = address;
      this.index = 0;
      this.out = acknowledged && !reading ? [] : null;
      this.i2c.completeConnect(acknowledged);
    });
  }

  _write(byte) {
    this._after(9, () => {
      this.out?.push(byte);
      const last = this.i2c.stop;
      this.i2c.completeWrite(last ? this._flush() : true);
    });
  }

  _read() {
    this._after(9, () => this.i2c.completeRead(this.world.read(this.number, this.address, this.index++)));
  }

  _stop() {
    this._flush();
    this._after(1, () => this.i2c.completeStop());
  }
}

/** What answers when the firmware moves the pins of a bus by itself, as I2C.scan() does on this chip: addresses only. */
export class PinTarget {
  constructor(chip, world) {
    this.chip = chip;
    this.world = world;
    this.lines = new Map(); // number of SDA: state
    const bank = chip.rp.peripherals[IO_BANK0];
    const write = bank.writeUint32.bind(bank);
    bank.writeUint32 = (offset, value) => {
      write(offset, value);
      if ((offset & 4) !== 0 && (value & FUNCTION_BITS) === PIN_FUNCTION) this._known(offset >> 3);
    };
  }

  /** A pin has become the peripheral's: it and its neighbour are the lines of a bus. */
  _known(number) {
    const sda = number & ~1;
    if (sda < PINS && !this.lines.has(sda)) {
      this.lines.set(sda, { sda: 1, scl: 1, bits: -1, byte: 0, acknowledged: false });
    }
  }

  /** A pin is driven otherwise; low is 0, everything else the pull-up's 1. */
  changed(number, level) {
    const sda = number & ~1;
    const line = this.lines.get(sda);
    if (line === undefined) return;
    const high = level === 0 ? 0 : 1;
    if (number === sda) this._data(line, high);
    else this._clock(line, high, sda);
  }

  _data(line, high) {
    if (high === line.sda) return;
    line.sda = high;
    if (!line.scl) return;
    line.bits = high ? -1 : 0; // STOP, START
    line.byte = 0;
  }

  _clock(line, high, sda) {
    if (high === line.scl) return;
    line.scl = high;
    if (line.bits < 0) return;
    if (high) {
      if (line.bits < 8) line.byte = (line.byte << 1) | line.sda;
      line.bits++;
    } else if (line.bits === 8) {
      line.acknowledged = this.world.probe((sda >> 1) & 1, line.byte >> 1, (line.byte & 1) === 1);
      if (line.acknowledged) this.chip.pins.set(sda, 0);
    } else if (line.bits === 9) {
      if (line.acknowledged) this.chip.pins.set(sda, 2);
      line.acknowledged = false;
      line.bits = -1;
    }
  }
}
