// A boot ROM of our own: the tables where the RP2040's documentation puts them (datasheet 2.8.2 and 2.8.3), and
// behind each entry one UDF instruction, which hands the call over to JavaScript. It holds no Raspberry Pi code.
//
//  byte  type    field                                byte   type    field
//   0    u32     initial stack pointer                 0x14  u16     address of the function table
//   4    u32     reset vector                          0x16  u16     address of the data table
//   8    u32     NMI, then HardFault                   0x18  u16     table_lookup(table, code)
//  0x10  'M' 'u' 1, version 3                          0x100 table_lookup, then a UDF for each function
// Tables: u16 code of two letters, u16 address; 0 ends them.
//
// Start: no boot loader runs. Stack pointer and entry are those of the vector table behind the second stage, at
// 0x10000100; the flash answers there from the beginning.
import { SINGLE, DOUBLE } from './rom_float.mjs';
import { FUNCTIONS as MEMORY } from './rom_memory.mjs';

const VERSION = 3;
const STUBS = 0x100;
const FUNCTION_TABLE = 0x400;
const DATA_TABLE = 0x500;
const SINGLE_TABLE = 0x608;
const DOUBLE_TABLE = 0x708;
const TEXT = 0x800;
const DEAD = 0x0f0;
const VECTORS = 0x10000100;
const UDF = 0xde00;
const WFI = 0xbf30;
const BRANCH_BACK = 0xe7fd; // to the instruction before
const COPYRIGHT = 'Dragonet stub boot ROM, MIT';

const FLASH = {
  IF: () => 200, // connect_internal_flash
  EX: (chip) => { chip.qspi.end(); return 2000; },
  RE: (chip, r) => { chip.qspi.eraseRange(r[0], r[1]); return 100; },
  RP: (chip, r) => { chip.qspi.programRange(r[0], r[1], r[2]); return 100; },
  FC: (chip) => { chip.qspi.end(); return 100; },
  CX: () => 200, // enter_cmd_xip
  UB: (chip) => { chip.halt('reset_usb_boot: the board waits for a new image by USB'); return 0; },
  WV: (chip) => { chip.halt('wait_for_vector: the second core is not emulated'); return 0; },
  EC: () => 10,
};

const code = (letters) => letters.charCodeAt(0) | (letters.charCodeAt(1) << 8);

/** The ROM's words, and call(number): what its UDF instructions do. */
export class BootRom {
  constructor() {
    this.words = new Uint32Array(4096);
    this._view = new DataView(this.words.buffer);
    this._calls = [];
    this._view.setUint32(4, DEAD + 1, true); // replaced by start()
    this._view.setUint32(8, DEAD + 1, true);
    this._view.setUint32(12, DEAD + 1, true);
    this._half(DEAD, WFI);
    this._half(DEAD + 2, BRANCH_BACK);
    this._view.setUint32(0x10, 0x4d | (0x75 << 8) | (1 << 16) | (VERSION << 24), true);
    this._half(0x14, FUNCTION_TABLE);
    this._half(0x16, DATA_TABLE);
    this._half(0x18, this._stub((chip, r) => this._lookup(r)));
    let at = FUNCTION_TABLE;
    for (const [letters, fn] of Object.entries({ ...MEMORY, ...FLASH })) {
      this._half(at, code(letters));
      this._half(at + 2, this._stub(fn));
      at += 4;
    }
    at = DATA_TABLE;
    for (const [letters, address] of [['SF', SINGLE_TABLE], ['SD', DOUBLE_TABLE], ['CR', TEXT], ['GR', 0x10]]) {
      this._half(at, code(letters));
      this._half(at + 2, address);
      at += 4;
    }
    this._floats(SINGLE_TABLE, SINGLE);
    this._floats(DOUBLE_TABLE, DOUBLE);
    for (let k = 0; k < COPYRIGHT.length; k++) this._view.setUint8(TEXT + k, COPYRIGHT.charCodeAt(k));
  }

  _half(at, value) {
    this._view.setUint16(at, value, true);
  }

  /** Address (with its Thumb bit) of an instruction that calls fn(chip, registers), which returns its cycles. */
  _stub(fn) {
    const number = this._calls.push(fn) - 1;
    this._half(STUBS + 2 * number, UDF | number);
    return STUBS + 2 * number + 1;
  }

  _floats(at, rows) {
    this._view.setUint8(at - 2, rows.length); // the SDK looks there for the length, in words
    for (const [fn, cycles] of rows) {
      this._view.setUint32(at, this._stub((chip, r) => { fn(r, chip.core); return cycles; }), true);
      at += 4;
    }
  }

  _lookup(r) {
    let at = r[0];
    let steps = 0;
    for (; this._view.getUint16(at, true); at += 4, steps++) {
      if (this._view.getUint16(at, true) === (r[1] & 0xffff)) {
        r[0] = this._view.getUint16(at + 2, true);
        return 10 * steps + 15;
      }
    }
    r[0] = 0;
    return 10 * steps + 15;
  }

  /** Point the reset vectors at the image in flash. False: there is none. */
  start(flash) {
    const view = new DataView(flash.buffer, flash.byteOffset);
    const stack = view.getUint32(VECTORS & 0xffffff, true);
    const entry = view.getUint32((VECTORS & 0xffffff) + 4, true);
    this._view.setUint32(0, stack, true);
    this._view.setUint32(4, entry, true);
    return stack >>> 20 === 0x200 && entry >>> 24 === 0x10 && (entry & 1) === 1;
  }

  /** A UDF in the ROM: do what its function does and return to the caller. */
  call(chip, number) {
    const { core } = chip;
    const cycles = this._calls[number](chip, core.registers);
    core.PC = core.LR & ~1;
    chip.stall(cycles * chip.cycleNanos);
  }
}
