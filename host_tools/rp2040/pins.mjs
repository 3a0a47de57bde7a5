// The chip's 30 pins: who drives each, and what the processor reads back.
//
// An output reads as itself (rp2040js does not loop it back); an input as what the world outside says, and where
// nobody outside drives it, as its pull resistor says, or as its last level.
export const RELEASED = 2;

export class Pins {
  /** changed(pin, level or RELEASED): the processor drives a pin otherwise than before. */
  constructor(rp, changed) {
    this.rp = rp;
    this.changed = changed;
    this.outside = new Uint8Array(rp.gpio.length).fill(RELEASED);
    this.driven = new Uint8Array(rp.gpio.length).fill(RELEASED);
    rp.gpio.forEach((pin, number) => pin.addListener(() => this.settle(number)));
  }

  /** The world drives a pin, or lets go of it. */
  set(number, level) {
    this.outside[number] = level;
    this.settle(number);
  }

  settle(number) {
    const pin = this.rp.gpio[number];
    let level = RELEASED;
    if (pin.outputEnable) level = pin.outputValue ? 1 : 0;
    if (level !== this.driven[number]) {
      this.driven[number] = level;
      this.changed(number, level);
    }
    if (level === RELEASED) level = this.outside[number];
    if (level === RELEASED) level = pin.pullupEnabled ? 1 : pin.pulldownEnabled ? 0 : pin.rawInputValue ? 1 : 0;
    if (pin.rawInputValue !== (level === 1)) pin.setInputValue(level === 1);
  }
}
