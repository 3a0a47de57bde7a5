// The emulator rp2040js, as 'make setup' installs it under build/rp2040 by package-lock.json.
export * from '../../build/rp2040/node_modules/rp2040js/dist/esm/index.js';
