let last = 0;

/**
 * Return a UUID of version 7, larger than the one before.
 *
 * A clock that is set back does not matter: a counter of 1,024 a millisecond runs on.
 */
export function newId(): string {
  last = Math.max(Date.now() * 1024, last + 1);
  const time = Math.floor(last / 1024).toString(16).padStart(12, "0");
  const version = (0x7000 + (last % 1024)).toString(16);
  const variant = ((random() >> 2n) | (1n << 63n)).toString(16);
  return (time + version + variant).replace(/(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** React Native has no `crypto`. */
function random(): bigint {
  return globalThis.crypto?.getRandomValues(new BigUint64Array(1))[0] ?? BigInt(Math.trunc(Math.random() * 2 ** 64));
}
