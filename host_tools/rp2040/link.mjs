// The two pipes between the chip and the hub. Little-endian; times are nanoseconds since the hub's zero.
//
// Hub to chip, a grant:                            Chip to hub, at its end or when it asks:
//  byte  type  field                                byte  type  field
//   0    f64   now: catch up to it, then take        0    f64   now
//              the records                           8    f64   wake: waits until then; now = it works
//   8    f64   until: may run until then            16    u8    1 = asks, the last record is the question; else 0
//  16    u32   bytes of records that follow         20    u32   bytes of records that follow
//  20          records: u8 kind, u16 length, data   24          records: f64 time, u8 kind, u16 length, data
//
// The answer to a question is a grant whose first record is ANSWER; its `now` counts for nothing.
import { readSync, writeSync } from 'node:fs';

export const TOLD = { ANSWER: 1, POWER: 2, RESET: 3, PIN: 4, UART: 5, CONSOLE: 6, SAVE: 7, QUIT: 8, HALT: 9, LOOK: 10 };
export const SAY = { PIN: 1, UART: 2, CONSOLE: 3, WATCHDOG: 4, RESET: 5, NOTE: 6, FLASH: 7, MEMORY: 8 };
export const ASK = { PIN: 16, SPI: 17, ADC: 18, I2C_PROBE: 19, I2C_WRITE: 20, I2C_READ: 21 };

const IN_HEADER = 20;
const OUT_HEADER = 24;
const OUT_BYTES = 1 << 20;

export class Link {
  constructor(reader, writer) {
    this.reader = reader;
    this.writer = writer;
    this.in = Buffer.alloc(1 << 16);
    this.out = Buffer.alloc(OUT_BYTES);
    this.used = OUT_HEADER;
    this.kept = Buffer.alloc(0); // records of a grant that wait until the chip has caught up
  }

  say(nanos, kind, data) {
    const size = data.length;
    if (this.used + 11 + size > OUT_BYTES) throw new Error('too much was said within one grant');
    this.out.writeDoubleLE(nanos, this.used);
    this.out[this.used + 8] = kind;
    this.out.writeUInt16LE(size, this.used + 9);
    this.out.set(data, this.used + 11);
    this.used += 11 + size;
  }

  ask(nanos, kind, data) {
    this.say(nanos, kind, data);
    this._send(nanos, nanos, 1);
  }

  done(nanos, wake) {
    this._send(nanos, wake, 0);
  }

  _send(nanos, wake, asks) {
    const { out } = this;
    out.writeDoubleLE(nanos, 0);
    out.writeDoubleLE(wake, 8);
    out.writeUInt32LE(asks, 16);
    out.writeUInt32LE(this.used - OUT_HEADER, 20);
    for (let at = 0; at < this.used; ) at += writeSync(this.writer, out, at, this.used - at);
    this.used = OUT_HEADER;
  }

  /** Fill grant; a first record ANSWER, POWER or RESET is taken at once with all others, else they wait for apply(). False: the hub has gone. */
  receive(grant, told) {
    let size = IN_HEADER;
    let got = 0;
    let known = false;
    while (got < size) {
      const more = readSync(this.reader, this.in, got, this.in.length - got, null);
      if (more === 0) return false;
      got += more;
      if (!known && got >= IN_HEADER) {
        known = true;
        size = IN_HEADER + this.in.readUInt32LE(16);
        if (size > this.in.length) {
          const larger = Buffer.alloc(2 * size);
          this.in.copy(larger, 0, 0, got);
          this.in = larger;
        }
      }
    }
    grant.now = this.in.readDoubleLE(0);
    grant.until = this.in.readDoubleLE(8);
    this.kept = this.in.subarray(IN_HEADER, size);
    if (this.kept.length && (this.kept[0] <= TOLD.RESET)) this.apply(told, grant);
    return true;
  }

  /** Hand over the records that came with the grant. */
  apply(told, grant) {
    const records = this.kept;
    this.kept = Buffer.alloc(0);
    for (let at = 0; at < records.length; ) {
      const size = records.readUInt16LE(at + 1);
      told(records[at], records.subarray(at + 3, at + 3 + size), grant);
      at += 3 + size;
    }
  }
}
