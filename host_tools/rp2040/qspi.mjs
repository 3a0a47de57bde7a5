// The flash chip behind the QSPI bus: a W25Q16JV of 2 MB, as the Pico has it (W25Q16JV datasheet, rev. H).
//
// The array is what the processor sees at 0x10000000. Erase and program come by the boot ROM's functions; single
// commands (unique id, JEDEC id, status) by the SSI's data register, as the SDK's flash_do_cmd sends them.
// Erase and program take their time with the processor standing still, as on the chip: the SDK runs them with
// interrupts off.
import { BasePeripheral } from './rp2040js.mjs';

const SECTOR = 4096;
const BLOCK = 65536;
const PAGE = 256;
export const SECTOR_ERASE_NS = 45e6; // 9.6, typical; at most 400 ms
const BLOCK_ERASE_NS = 150e6;
const PAGE_PROGRAM_NS = 0.4e6;
const BYTE_NS = 8 * 32; // on the bus, clk_sys / 4

const CTRLR0 = 0x00, SSIENR = 0x08, TXFLR = 0x20, RXFLR = 0x24, SR = 0x28, IDR = 0x58, VERSION = 0x5c, DR0 = 0x60;
const TFNF = 2, TFE = 4, RFNE = 8;
const SS_CTRL = 0x0c; // of IO_QSPI

export class Qspi {
  /** chip: whose processor stands still. array: the flash's bytes. uid: 8 bytes. */
  constructor(chip, array, uid) {
    this.chip = chip;
    this.array = array;
    this.uid = uid;
    this.command = [];
    this.answers = [];
    this.busy = null; // the operation whose time runs: {offset, size} of an erase, or of a program
    this.counts = { erased: 0, programmed: 0 };
  }

  /** Chip select goes high: the next byte is a command. */
  end() {
    this.command.length = 0;
    this.answers.length = 0;
  }

  transfer(byte) {
    const at = this.command.push(byte & 0xff) - 1;
    switch (this.command[0]) {
      case 0x4b: return at >= 5 ? this.uid[(at - 5) & 7] : 0xff; // 8.2.26, read unique id
      case 0x9f: return [0xff, 0xef, 0x40, 0x15][at] ?? 0xff; // 8.2.27, JEDEC id
      case 0x05: return 0x00; // status 1: not busy
      case 0x35: return 0x02; // status 2: quad enabled
      default: return 0xff;
    }
  }

  eraseRange(offset, size) {
    this._inside(offset, size, SECTOR, 'erase');
    this.array.fill(0xff, offset, offset + size);
    let time = 0;
    for (let at = offset; at < offset + size; ) {
      const block = at % BLOCK === 0 && at + BLOCK <= offset + size;
      time += block ? BLOCK_ERASE_NS : SECTOR_ERASE_NS;
      at += block ? BLOCK : SECTOR;
    }
    this.counts.erased += size / SECTOR;
    this._busy(offset, size, time, 0);
  }

  programRange(offset, from, size) {
    this._inside(offset, size, PAGE, 'program');
    for (let k = 0; k < size; k++) this.array[offset + k] &= this.chip.rp.readUint8(from + k);
    this.counts.programmed += size / PAGE;
    this._busy(offset, size, (size / PAGE) * (PAGE_PROGRAM_NS + PAGE * BYTE_NS), 1);
  }

  _inside(offset, size, unit, what) {
    if (offset % unit || size % unit || offset + size > this.array.length) {
      this.chip.note(`flash: ${what} of ${size} bytes at ${offset} is not inside its ${this.array.length} bytes`);
    }
  }

  _busy(offset, size, time, program) {
    this.changed = true;
    this.chip.stall(time);
    this.chip.flashed(program, offset, size, time);
  }
}

export class Ssi extends BasePeripheral {
  constructor(rp, qspi) {
    super(rp, 'SSI');
    this.qspi = qspi;
    this.registers = new Map();
  }

  readUint32(offset) {
    const { answers } = this.qspi;
    switch (offset) {
      case SR: return TFNF | TFE | (answers.length ? RFNE : 0);
      case RXFLR: return answers.length;
      case TXFLR: return 0;
      case IDR: return 0x51535049;
      case VERSION: return 0x3430312a;
      case DR0: return answers.length ? answers.shift() : 0;
      default: return this.registers.get(offset) ?? 0;
    }
  }

  writeUint32(offset, value) {
    if (offset === DR0) {
      this.qspi.answers.push(this.qspi.transfer(value));
      return;
    }
    if (offset === SSIENR || offset === CTRLR0) this.qspi.end();
    this.registers.set(offset, value);
  }
}

/** IO_QSPI: of interest is the override of chip select, which frames a command. */
export class IoQspi extends BasePeripheral {
  constructor(rp, qspi) {
    super(rp, 'IO_QSPI');
    this.qspi = qspi;
    this.registers = new Map();
  }

  readUint32(offset) {
    return this.registers.get(offset) ?? 0;
  }

  writeUint32(offset, value) {
    if (offset === SS_CTRL) this.qspi.end();
    this.registers.set(offset, value);
  }
}
