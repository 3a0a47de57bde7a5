// The emulated RP2040 as a process:  node main.mjs FLASH_FILE READER WRITER
//
// It runs when it is told to, as far as it is told to, and asks for what the world answers (link.mjs). FLASH_FILE is
// the flash, 2 MB, saved on a reset, when asked, and at the end; READER and WRITER are descriptors of two pipes.
import { Chip } from './chip.mjs';
import { FlashFile } from './flash_file.mjs';
import { ASK, Link, SAY, TOLD } from './link.mjs';
import { RAM } from './rom_memory.mjs';

const [path, reader, writer] = process.argv.slice(2);
const flash = new FlashFile(path);
const link = new Link(Number(reader), Number(writer));
let chip = null;
let ended = null; // the chip that asked for a reset
const parent = process.ppid;
let watched = 0; // bits of the pins whose changes the world must hear of before the processor goes on
let uid = Buffer.alloc(8);

const world = {
  pin(number, level) {
    if ((watched >>> number) & 1) ask(ASK.PIN, [number, level]);
    else link.say(chip?.now ?? 0, SAY.PIN, [number, level]);
  },
  uart: (number, byte) => link.say(chip.now, SAY.UART, [number, byte]),
  console: (bytes) => link.say(chip.now, SAY.CONSOLE, bytes),
  watchdog: (ms) => link.say(chip.now, SAY.WATCHDOG, [ms & 255, ms >> 8]),
  alive() {
    if (process.ppid !== parent) quit(); // who started it has died and asks for nothing any more
  },
  note: (text) => link.say(chip?.now ?? 0, SAY.NOTE, Buffer.from(text)),
  flashed(program, offset, size) {
    const data = Buffer.alloc(9);
    data[0] = program;
    data.writeUInt32LE(offset, 1);
    data.writeUInt32LE(size, 5);
    flash.dirty = true;
    link.say(chip.now, SAY.FLASH, data);
  },
  spi: (bus, bytes) => ask(ASK.SPI, [bus, ...bytes]),
  adc(channel) {
    const answer = ask(ASK.ADC, [channel]);
    return answer[0] | (answer[1] << 8);
  },
  i2c: {
    probe: (bus, address, reading) => ask(ASK.I2C_PROBE, [bus, address, reading ? 1 : 0])[0] === 1,
    write: (bus, address, bytes) => ask(ASK.I2C_WRITE, [bus, address, ...bytes])[0] === 1,
    read: (bus, address, index) => ask(ASK.I2C_READ, [bus, address, Math.min(index, 255)])[0],
  },
};

function ask(kind, data) {
  link.ask(chip.now, kind, data);
  const grant = take();
  chip.until = grant.until;
  return grant.answer;
}

/** The next grant: {now, until, answer}; what else came with it has been done. */
function take() {
  const grant = { now: 0, until: 0, answer: null };
  if (!link.receive(grant, told)) quit();
  return grant;
}

function told(kind, data, grant) {
  switch (kind) {
    case TOLD.ANSWER: grant.answer = Uint8Array.from(data); break;
    case TOLD.POWER: power(data, null); break;
    case TOLD.RESET: power(data, ended); break;
    case TOLD.PIN: chip?.pins.set(data[0], data[1]); break;
    case TOLD.UART: chip?.uart[data[0]].receive(data.subarray(1)); break;
    case TOLD.CONSOLE: chip?.console.send(data); break;
    case TOLD.SAVE: flash.save(); break;
    case TOLD.HALT: chip?.halt('by the bench'); break;
    case TOLD.LOOK: look(data); break;
    case TOLD.QUIT: quit(); break;
    default: throw new Error(`unknown record ${kind}`);
  }
}

/** Power-on, or the start after a reset. data: u32 watched pins, 8 bytes of unique id. */
function power(data, before) {
  watched = data.readUInt32LE(0);
  uid = Buffer.from(data.subarray(4, 12));
  chip = null;
  chip = new Chip(flash.array, uid, world, before);
}

/** What lies in the RAM, as a debugger sees it. data: u32 address, u32 size. */
function look(data) {
  const from = data.readUInt32LE(0) - RAM;
  link.say(chip.now, SAY.MEMORY, chip.rp.sram.subarray(from, from + data.readUInt32LE(4)));
}

function quit() {
  flash.save();
  process.exit(0);
}

for (;;) {
  const grant = take();
  if (chip === null) {
    link.done(grant.until, Infinity); // time passes without it
    continue;
  }
  if (grant.now > chip.now) chip.run(grant.now);
  link.apply(told, grant);
  chip.run(grant.until);
  if (chip.cause) {
    flash.save();
    link.say(chip.now, SAY.RESET, [chip.cause]);
    link.done(chip.now, Infinity);
    ended = chip;
    chip = null;
  } else {
    link.done(chip.now, chip.wake);
  }
}
