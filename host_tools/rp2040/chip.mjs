// One RP2040 from power-on, or from a reset, to the next: rp2040js with what it lacks for MicroPython.
//
// Time is the clock's nanoseconds since power-on; each processor cycle takes its 8 ns (125 MHz). Nothing depends on
// wall time: the same inputs at the same times give the same run.
import { RP2040 } from './rp2040js.mjs';
import { BootRom } from './bootrom.mjs';
import { I2c, PinTarget } from './i2c.mjs';
import { Pins } from './pins.mjs';
import { IoQspi, Qspi, Ssi } from './qspi.mjs';
import { VregAndChipReset } from './resets.mjs';
import { Spi } from './spi.mjs';
import { Uart } from './uart.mjs';
import { UsbConsole } from './usb_console.mjs';

const ROM_END = 0x4000;
const WATCHDOG = 0x40058, VREG_AND_CHIP_RESET = 0x40064, SSI = 0x18000, IO_QSPI = 0x40018;
const WATCHDOG_LOAD = 0x04;
const BAD_INSTRUCTIONS = 16; // so many unknown instructions in a row: the processor has run astray

export class Chip {
  /**
   * flash: Uint8Array, kept by the caller. uid: 8 bytes. before: the chip before a reset, or null at power-on.
   * world: pin, uart, console, watchdog, note, flashed, alive; spi, adc, i2c (what main.mjs gives).
   */
  constructor(flash, uid, world, before = null) {
    const rp = new RP2040();
    this.rp = rp;
    this.core = rp.core;
    this.clock = rp.clock;
    this.world = world;
    this.until = 0;
    this.cause = 0; // set when the chip wants to be reset: 1 by its program, 2 by the watchdog
    this.halted = false;
    this._stalled = 0;
    this._bad = 0;
    rp.logger = this._logger();
    rp.flash = flash;
    rp.flash16 = new Uint16Array(flash.buffer, flash.byteOffset, flash.length / 2);
    rp.flashView = new DataView(flash.buffer, flash.byteOffset, flash.length);
    this.qspi = new Qspi(this, flash, uid);
    rp.peripherals[SSI] = new Ssi(rp, this.qspi);
    rp.peripherals[IO_QSPI] = new IoQspi(rp, this.qspi);
    rp.peripherals[VREG_AND_CHIP_RESET] = new VregAndChipReset(rp, before !== null);
    this.target = new PinTarget(this, world.i2c);
    this.pins = new Pins(rp, (pin, level) => {
      this.target.changed(pin, level);
      world.pin(pin, level);
    });
    this.spi = rp.spi.map((_, number) => new Spi(this, number, world.spi));
    this.i2c = rp.i2c.map((_, number) => new I2c(this, number, world.i2c));
    this.uart = rp.uart.map((_, number) => new Uart(this, number, world.uart));
    this.console = new UsbConsole(this, world.console);
    this._adc();
    this._watchdog(before);
    this.rom = new BootRom();
    if (!this.rom.start(flash)) this.halt('no image in flash: its vector table at 0x10000100 names no program');
    rp.bootrom.set(this.rom.words);
    rp.core.reset();
    rp.core.VTOR = 0x10000100;
    rp.onBreak = (code) => this._break(code);
  }

  get cycleNanos() {
    return 1e9 / this.rp.clkSys;
  }

  get now() {
    return this.clock.nanosCounter;
  }

  note(text) {
    this.world.note(text);
  }

  flashed(program, offset, size, nanos) {
    this.world.flashed(program, offset, size, nanos);
  }

  /** The processor stands still for so long. */
  stall(nanos) {
    this._stalled = Math.max(this._stalled, this.now) + nanos;
  }

  /** The processor stops for good; the watchdog may still bite. */
  halt(why) {
    if (!this.halted) this.note(why);
    this.halted = true;
  }

  /** Time of the next thing that happens by itself, when the processor waits; now, when it works. */
  get wake() {
    if (!this.core.waiting && !this.halted && this._stalled <= this.now) return this.now;
    const alarm = this.clock.nextAlarm;
    const stalled = this._stalled > this.now ? this._stalled : Infinity;
    return Math.min(alarm ? alarm.nanos : Infinity, stalled);
  }

  /** Run to a moment (or to this.until, which the world may shorten meanwhile), or until the chip asks for a reset. */
  run(until) {
    const { core, clock } = this;
    this.until = until;
    let cycleNanos = this.cycleNanos;
    let hz = this.rp.clkSys;
    let turns = 0;
    while (clock.nanosCounter < this.until && this.cause === 0) {
      if (core.waiting || this.halted || this._stalled > clock.nanosCounter) {
        this._idle();
        continue;
      }
      const cycles = core.executeInstruction();
      const at = clock.nanosCounter + cycles * cycleNanos;
      const alarm = clock.nextAlarm;
      if (alarm !== null && alarm.nanos <= at) {
        clock.tick(at - clock.nanosCounter);
      } else {
        clock.nanosCounter = at;
      }
      if ((++turns & 0xfffff) === 0) this.world.alive();
      if (this.rp.clkSys !== hz) {
        hz = this.rp.clkSys;
        cycleNanos = this.cycleNanos;
      }
    }
  }

  _idle() {
    const { core, clock } = this;
    const alarm = clock.nextAlarm;
    let to = this.until;
    if (alarm !== null && alarm.nanos < to) to = alarm.nanos;
    if (!core.waiting && !this.halted && this._stalled < to) to = this._stalled;
    clock.tick(Math.max(to - clock.nanosCounter, 0));
    if (core.waiting && core.interruptsUpdated && core.checkForInterrupts()) core.waiting = false;
  }

  _break(code) {
    const at = this.core.PC - 2;
    if (at < ROM_END) this.rom.call(this, code);
    else this.halt(`breakpoint ${code} at 0x${at.toString(16)}: the firmware has given up (panic)`);
  }

  _adc() {
    const { adc } = this.rp;
    let channel = 0;
    const done = this.clock.createAlarm(() => adc.completeADCRead(this.world.adc(channel), false));
    adc.onADCRead = (wanted) => {
      channel = wanted;
      done.schedule(adc.sampleTime * 1000);
    };
  }

  _watchdog(before) {
    const watchdog = this.rp.peripherals[WATCHDOG];
    this.watchdog = watchdog;
    if (before !== null) {
      watchdog.scratchData.set(before.watchdog.scratchData);
      watchdog.reason = before.watchdog.reason;
    }
    watchdog.onWatchdogTrigger = () => {
      this.cause = watchdog.reason & 1 ? 2 : 1;
      watchdog.alarm.enable = false; // or it is due again at this very moment, for ever
    };
    const write = watchdog.writeUint32.bind(watchdog);
    let told = -1;
    watchdog.writeUint32 = (offset, value) => {
      write(offset, value);
      // erratum RP2040-E1: the counter loses two for each microsecond
      const milliseconds = Math.round(watchdog.timer.counter / 2000);
      if (offset !== WATCHDOG_LOAD && watchdog.timer.enable && milliseconds !== told) {
        told = milliseconds;
        this.world.watchdog(milliseconds);
      }
    };
  }

  _logger() {
    const log = (component, text) => {
      if (component === 'CortexM0Core' && text.includes('not implemented')) {
        if (++this._bad >= BAD_INSTRUCTIONS) this.halt(`processor astray: ${text}`);
      }
      if (process.env.RP2040_LOG) process.stderr.write(`${component}: ${text}\n`);
    };
    return { debug() {}, info() {}, warn: log, error: log };
  }
}
