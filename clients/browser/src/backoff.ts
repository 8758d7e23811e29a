import type { Store } from "./store.js";

const KEY = "b";
const LONGEST_MS = 60_000;
const DAY_MS = 86_400_000;

/** The pause after failures, which all tabs share: its end, its length, and the failures in a row. */
const stored = (store: Store) => (store.read_(KEY) ?? "").split(" ").map(Number) as [number, number, number];

/** Return how many milliseconds to wait. A clock that is set back ends the pause. */
export function pauseLeft(store: Store): number {
  const [end, length] = stored(store);
  const left = end - Date.now();
  return left > 0 && left <= length ? left : 0;
}

/** Pause for a random time of at least a second, and at least what the server asks for. */
export function extendPause(store: Store, retryAfter: number): void {
  const failures = (stored(store)[2] || 0) + 1;
  // Grows by 1.5, so that a server that was away for ten seconds is found within ten more.
  const longest = Math.min(LONGEST_MS, 1000 * 1.5 ** failures);
  const length = Math.min(DAY_MS, Math.max(1000 + Math.random() * (longest - 1000), retryAfter * 1000 || 0));
  store.write_(KEY, `${Date.now() + length} ${length} ${failures}`);
}

export function endPause(store: Store): void {
  store.remove_(KEY);
}
