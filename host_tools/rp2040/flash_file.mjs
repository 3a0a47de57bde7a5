// The file that the flash lives in. Written whole to a second file, which then takes the first one's name: a host that
// dies meanwhile leaves the old one or the new one.
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';

export class FlashFile {
  constructor(path) {
    this.path = path;
    this.array = new Uint8Array(readFileSync(path)); // its own copy: rp2040js wants an aligned buffer
    this.dirty = false;
  }

  save() {
    if (!this.dirty) return;
    const fresh = `${this.path}.new`;
    const file = openSync(fresh, 'w');
    for (let at = 0; at < this.array.length; ) at += writeSync(file, this.array, at);
    fsyncSync(file);
    closeSync(file);
    renameSync(fresh, this.path);
    this.dirty = false;
  }
}
