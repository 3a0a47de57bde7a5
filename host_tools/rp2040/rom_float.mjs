// The boot ROM's floating-point tables, in JavaScript: tables SF and SD, RP2040 datasheet 2.8.3.2.
//
// As the ROM does: denormals count as zero, conversions to integers round towards minus infinity and saturate.
// The second number of each row is the time it takes, in processor cycles: about the averages of the datasheet's table.
const words = new Uint32Array(2);
const singles = new Float32Array(words.buffer);
const doubles = new Float64Array(words.buffer);
const longs = new BigInt64Array(words.buffer);

function single(bits) {
  words[0] = (bits & 0x7f800000) === 0 ? bits & 0x80000000 : bits;
  return singles[0];
}

function bitsOfSingle(value) {
  singles[0] = value;
  return (words[0] & 0x7f800000) === 0 ? (words[0] & 0x80000000) >>> 0 : words[0];
}

function double(low, high) {
  words[0] = (high & 0x7ff00000) === 0 ? 0 : low;
  words[1] = (high & 0x7ff00000) === 0 ? high & 0x80000000 : high;
  return doubles[0];
}

function setDouble(r, value) {
  doubles[0] = value;
  const flush = (words[1] & 0x7ff00000) === 0;
  r[0] = flush ? 0 : words[0];
  r[1] = flush ? words[1] & 0x80000000 : words[1];
}

function long(low, high) {
  words[0] = low;
  words[1] = high;
  return longs[0];
}

function setLong(r, value) {
  longs[0] = value;
  r[0] = words[0];
  r[1] = words[1];
}

const clampInt = (x) => Math.max(-0x80000000, Math.min(0x7fffffff, Math.floor(x)));
const clampUint = (x) => Math.max(0, Math.min(0xffffffff, Math.floor(x)));
const LEAST = -(1n << 63n);
const MOST = (1n << 63n) - 1n;
const MOST_UNSIGNED = (1n << 64n) - 1n;

function clampLong(x, least, most) {
  if (!Number.isFinite(x)) return x > 0 ? most : least;
  const value = BigInt(Math.floor(x));
  return value < least ? least : value > most ? most : value;
}

const scaled = (x, places) => x * 2 ** (places | 0);
const unscaled = (x, places) => x * 2 ** -(places | 0);

function compare(x, y) {
  return x < y ? -1 : x > y ? 1 : 0;
}

// Flags as after CMP x, y.
function compareFlags(core, x, y) {
  core.N = x < y;
  core.Z = x === y;
  core.C = x >= y;
  core.V = false;
}

// Each function has the registers r (r0 to r3 are arguments and results) and the core.
function table(f) {
  return [
    [f.two((x, y) => x + y), 71, 91],
    [f.two((x, y) => x - y), 74, 95],
    [f.two((x, y) => x * y), 69, 155],
    [f.two((x, y) => x / y), 71, 183],
    [f.toInt((r, x, y) => compare(x, y)), 39, 39],
    [(r, core) => compareFlags(core, f.first(r), f.second(r)), 39, 39],
    [f.one((x) => (x < 0 ? -Infinity : Math.sqrt(x))), 63, 169],
    [f.toInt((r, x) => clampInt(x)), 37, 75],
    [f.toInt((r, x) => clampInt(scaled(x, f.places(r)))), 39, 74],
    [f.toInt((r, x) => clampUint(x)), 38, 63],
    [f.toInt((r, x) => clampUint(scaled(x, f.places(r)))), 38, 62],
    [(r) => f.put(r, r[0] | 0), 55, 69],
    [(r) => f.put(r, unscaled(r[0] | 0, r[1])), 53, 73],
    [(r) => f.put(r, r[0]), 54, 62],
    [(r) => f.put(r, unscaled(r[0], r[1])), 54, 65],
    [f.one(Math.cos), 587, 1617],
    [f.sincos, 593, 1618],
    [f.one(Math.tan), 669, 1689],
    [f.sincos, 593, 1718],
    [f.one(Math.exp), 542, 804],
    [f.one((x) => (x < 0 ? -Infinity : Math.log(x))), 810, 428],
    [f.toInt((r, x, y) => compare(x, y)), 25, 39],
    [f.two((y, x) => Math.atan2(y, x)), 599, 2168],
    [(r) => f.put(r, Number(long(r[0], r[1]))), 56, 55],
    [(r) => f.put(r, unscaled(Number(long(r[0], r[1])), r[2])), 56, 59],
    [(r) => f.put(r, Number(BigInt.asUintN(64, long(r[0], r[1])))), 49, 48],
    [(r) => f.put(r, unscaled(Number(BigInt.asUintN(64, long(r[0], r[1]))), r[2])), 50, 49],
    [(r) => setLong(r, clampLong(f.first(r), LEAST, MOST)), 42, 80],
    [(r) => setLong(r, clampLong(scaled(f.first(r), f.places(r)), LEAST, MOST)), 45, 83],
    [(r) => setLong(r, BigInt.asIntN(64, clampLong(f.first(r), 0n, MOST_UNSIGNED))), 38, 66],
    [(r) => setLong(r, BigInt.asIntN(64, clampLong(scaled(f.first(r), f.places(r)), 0n, MOST_UNSIGNED))), 41, 69],
    [f.convert, 16, 23],
  ];
}

const ofSingles = {
  first: (r) => single(r[0]),
  second: (r) => single(r[1]),
  places: (r) => r[1],
  put: (r, value) => { r[0] = bitsOfSingle(value); },
  one: (fn) => (r) => { r[0] = bitsOfSingle(fn(single(r[0]))); },
  two: (fn) => (r) => { r[0] = bitsOfSingle(fn(single(r[0]), single(r[1]))); },
  toInt: (fn) => (r) => { r[0] = fn(r, single(r[0]), single(r[1])); },
  sincos: (r) => {
    const x = single(r[0]);
    r[0] = bitsOfSingle(Math.sin(x));
    r[1] = bitsOfSingle(Math.cos(x));
  },
  convert: (r) => setDouble(r, single(r[0])),
};

const ofDoubles = {
  first: (r) => double(r[0], r[1]),
  second: (r) => double(r[2], r[3]),
  places: (r) => r[2],
  put: setDouble,
  one: (fn) => (r) => setDouble(r, fn(double(r[0], r[1]))),
  two: (fn) => (r) => {
    const x = double(r[0], r[1]);
    setDouble(r, fn(x, double(r[2], r[3])));
  },
  toInt: (fn) => (r) => {
    const x = double(r[0], r[1]);
    r[0] = fn(r, x, double(r[2], r[3]));
  },
  sincos: (r) => {
    const x = double(r[0], r[1]);
    setDouble(r, Math.cos(x));
    const low = r[0];
    const high = r[1];
    setDouble(r, Math.sin(x));
    r[2] = low;
    r[3] = high;
  },
  convert: (r) => { r[0] = bitsOfSingle(double(r[0], r[1])); },
};

/** Tables SF and SD in their order: [function(registers, core), cycles] each. */
export const SINGLE = table(ofSingles).map(([fn, cycles]) => [fn, cycles]);
export const DOUBLE = table(ofDoubles).map(([fn, , cycles]) => [fn, cycles]);
