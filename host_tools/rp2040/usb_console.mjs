// The USB serial port, as a host sees it that has opened it: REPL, mpremote.
//
// A poll of the OUT endpoint is held until there are bytes for it: rp2040js answers an empty one at once, and the
// driver asks again at once, a storm of interrupts that takes most of the processor's time.
import { USBCDC } from './rp2040js.mjs';

export class UsbConsole {
  /** received(Uint8Array): what the board says. */
  constructor(chip, received) {
    this.cdc = new USBCDC(chip.rp.usbCtrl);
    this.usb = chip.rp.usbCtrl;
    this.coming = [];
    this.asked = 0; // bytes that the held poll has room for, 0: no poll is held
    this.connected = false;
    this.cdc.onDeviceConnected = () => { this.connected = true; };
    this.cdc.onSerialData = received;
    this.usb.onEndpointRead = (endpoint, size) => {
      if (endpoint !== this.cdc.outEndpoint) return;
      this.asked = size;
      this._answer();
    };
  }

  /** Bytes for the board. */
  send(bytes) {
    for (const byte of bytes) this.coming.push(byte);
    this._answer();
  }

  _answer() {
    if (!this.asked || !this.coming.length) return;
    const part = this.coming.splice(0, this.asked);
    this.asked = 0;
    this.usb.endpointReadDone(this.cdc.outEndpoint, Uint8Array.from(part));
  }
}
