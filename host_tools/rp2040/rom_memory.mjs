// The boot ROM's bit and memory functions, in JavaScript: RP2040 datasheet 2.8.3.1.
export const RAM = 0x20000000;

function reversed(x) {
  x = ((x >>> 1) & 0x55555555) | ((x & 0x55555555) << 1);
  x = ((x >>> 2) & 0x33333333) | ((x & 0x33333333) << 2);
  x = ((x >>> 4) & 0x0f0f0f0f) | ((x & 0x0f0f0f0f) << 4);
  x = ((x >>> 8) & 0x00ff00ff) | ((x & 0x00ff00ff) << 8);
  return (x >>> 16) | (x << 16);
}

function population(x) {
  let count = 0;
  for (; x; x &= x - 1) count++;
  return count;
}

function fill(chip, r) {
  const [to, value, size] = r;
  const { sram } = chip.rp;
  if (to >= RAM && to + size <= RAM + sram.length) {
    sram.fill(value & 0xff, to - RAM, to - RAM + size);
  } else {
    for (let k = 0; k < size; k++) chip.rp.writeUint8(to + k, value & 0xff);
  }
  return 20 + (size >> 2);
}

function copy(chip, r) {
  const [to, from, size] = r;
  const { sram, flash } = chip.rp;
  if (to < RAM || to + size > RAM + sram.length) {
    for (let k = 0; k < size; k++) chip.rp.writeUint8(to + k, chip.rp.readUint8(from + k));
  } else if (from >= RAM && from + size <= RAM + sram.length) {
    sram.copyWithin(to - RAM, from - RAM, from - RAM + size);
  } else if (from >>> 28 === 1 && (from & 0xffffff) + size <= flash.length) {
    sram.set(flash.subarray(from & 0xffffff, (from & 0xffffff) + size), to - RAM);
  } else {
    for (let k = 0; k < size; k++) sram[to - RAM + k] = chip.rp.readUint8(from + k);
  }
  return (to ^ from) & 3 ? 20 + 5 * size : 20 + (3 * size >> 2);
}

/** Code of the table: function(chip, registers) that returns the cycles it takes. */
export const FUNCTIONS = {
  P3: (chip, r) => { r[0] = population(r[0]); return 20; },
  R3: (chip, r) => { r[0] = reversed(r[0]); return 13; },
  L3: (chip, r) => { r[0] = Math.clz32(r[0]); return 15; },
  T3: (chip, r) => { r[0] = r[0] ? 31 - Math.clz32(r[0] & -r[0]) : 32; return 14; },
  MS: fill,
  S4: fill,
  MC: copy,
  C4: copy,
};
