// Why the chip started: VREG_AND_CHIP_RESET, datasheet 2.10.5. Power-on by its default; the watchdog's own register
// tells its bites.
import { BasePeripheral } from './rp2040js.mjs';

const VREG = 0x00, BOD = 0x04, CHIP_RESET = 0x08;
const HAD_POR = 1 << 8;

export class VregAndChipReset extends BasePeripheral {
  constructor(rp, warm) {
    super(rp, 'VREG_AND_CHIP_RESET');
    this.reset = warm ? 0 : HAD_POR;
  }

  readUint32(offset) {
    switch (offset) {
      case VREG: return 0x10b1;
      case BOD: return 0x91;
      case CHIP_RESET: return this.reset;
      default: return 0;
    }
  }

  writeUint32() {}
}
