/** Limits of the server, and our own. Sizes of stored texts are in characters. */

export const MAX_ITEM_BYTES = 32 * 1024;
export const MAX_BATCH_EVENTS = 500;
/** A little less than the 512 KiB of the server, for the brackets. */
export const MAX_BATCH_BYTES = 512 * 1024 - 1024;
/** Browsers hold 64 KiB for all beacons in flight. */
export const MAX_BEACON_BYTES = 60_000;

export const MAX_LOCAL = 256 * 1024;
export const MAX_DATABASE = 5_000_000;

export const FLUSH_MS = 1000;
export const FLUSH_EVENTS = 50;
export const REQUEST_MS = 10_000;
export const GZIP_BYTES = 1024;
export const FIRST_PAUSE_MS = FLUSH_MS;
export const MAX_PAUSE_MS = 60_000;
/** Eleven days: browsers end timers of more than 24 days at once. */
export const MAX_RETRY_AFTER_MS = 1e9;
/** A server that was away for ten seconds is found within ten more. */
export const PAUSE_GROWTH = 1.4;

/** Requests without an answer, after which events count as blocked by the user. */
export const MAX_UNANSWERED = 10;

export function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
