// UARTs: bytes leave and arrive at the baud rate, through FIFOs of 32 (datasheet 4.2).
//
// rp2040js sends at once and holds the transmit interrupt high, so that MicroPython's machine.UART() never returns
// from it. Here the interrupt comes when the FIFO has drained after a write.
const TX_INTERRUPT = 1 << 5;
const DEPTH = 32;
const FR = 0x18;
const TX_EMPTY = 1 << 7, TX_FULL = 1 << 5, BUSY = 1 << 3;

export class Uart {
  /** sent(uart, byte) when a byte has left. */
  constructor(chip, number, sent) {
    const uart = chip.rp.uart[number];
    this.uart = uart;
    this.waiting = [];
    this.coming = [];
    this.lost = 0;
    this.sending = chip.clock.createAlarm(() => this._left(sent, number));
    this.receiving = chip.clock.createAlarm(() => this._arrived());
    this._receives = false;
    uart.checkInterrupts = () => chip.rp.setInterrupt(uart.irq, !!(uart.interruptStatus & uart.interruptMask));
    uart.onByte = (value) => this._write(value);
    const read = uart.readUint32.bind(uart);
    uart.readUint32 = (offset) => (offset === FR ? this._flags(read(offset)) : read(offset));
  }

  get byteNanos() {
    const bits = this.uart.wordLength + 2;
    return (bits * 1e9) / (this.uart.baudDivider ? this.uart.baudRate : 115200);
  }

  _flags(flags) {
    const { waiting } = this;
    return (flags & ~TX_EMPTY) | (waiting.length ? BUSY : TX_EMPTY) | (waiting.length > DEPTH ? TX_FULL : 0);
  }

  _write(value) {
    if (this.waiting.length > DEPTH) return; // full: the byte is lost, as on the chip
    this.waiting.push(value);
    if (this.waiting.length === 1) this.sending.schedule(this.byteNanos);
  }

  _left(sent, number) {
    sent(number, this.waiting.shift());
    if (this.waiting.length) this.sending.schedule(this.byteNanos);
    if (this.waiting.length <= DEPTH / 8) {
      this.uart.interruptStatus |= TX_INTERRUPT;
      this.uart.checkInterrupts();
    }
  }

  /** Bytes come in on the wire, one after the other. */
  receive(bytes) {
    for (const byte of bytes) this.coming.push(byte);
    if (!this._receives && this.coming.length) {
      this._receives = true;
      this.receiving.schedule(this.byteNanos);
    }
  }

  _arrived() {
    const byte = this.coming.shift();
    if (!this.uart.enabled || !this.uart.rxEnabled) this.lost++;
    else if (this.uart.rxFIFO.full) this.lost++;
    else this.uart.feedByte(byte);
    this._receives = this.coming.length > 0;
    if (this._receives) this.receiving.schedule(this.byteNanos);
  }
}
