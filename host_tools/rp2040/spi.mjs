// SPI controllers: bytes go to the world, each takes its time on the wires.
//
// The world is asked once for all bytes that already wait in the transmit FIFO (8 deep), when the first of them has
// left: what comes back for them stands then, since the processor can no longer change what goes out.
export class Spi {
  /** exchange(bus, Uint8Array): the bytes that come back. */
  constructor(chip, number, exchange) {
    this.spi = chip.rp.spi[number];
    this.number = number;
    this.exchange = exchange;
    this.answers = [];
    this.chip = chip;
    this.alarm = chip.clock.createAlarm(() => this._left());
    this.byte = 0;
    this.spi.onTransmit = (value) => this._begin(value);
  }

  _begin(value) {
    this.byte = value;
    const hz = this.spi.clockFrequency || 1e6;
    this.alarm.schedule((this.spi.dataBits * 1e9) / hz);
  }

  _left() {
    if (!this.answers.length) {
      const out = [this.byte, ...this.spi.txFIFO.items];
      this.answers.push(...this.exchange(this.number, Uint8Array.from(out)));
    }
    this.spi.completeTransmit(this.answers.shift() ?? 0xff);
  }
}
