import { PAUSE } from "./keys.js";
import type { Store } from "./store.js";

const SHORTEST_MS = 1000;
const LONGEST_MS = 60_000;
/** A server that was away for ten seconds is found within ten more. */
const GROWTH = 1.5;

/** The pause after failures, which all tabs share: its end, and the longest that it could be. */
const stored = (store: Store) => (store.read_(PAUSE) ?? "").split(" ").map(Number) as [number, number];

/** Return how many milliseconds to wait. A clock that is set back ends the pause. */
export function pauseLeft(store: Store): number {
  const [end, longest] = stored(store);
  const left = end - Date.now();
  return left > 0 && left <= longest ? left : 0;
}

/** Pause for a random time, and at least as long as the server asks for. */
export function extendPause(store: Store, atLeast: number): void {
  const longest = Math.max(Math.min((stored(store)[1] || SHORTEST_MS) * GROWTH, LONGEST_MS), atLeast);
  const random = SHORTEST_MS + Math.random() * (longest - SHORTEST_MS);
  store.write_(PAUSE, `${Date.now() + Math.max(random, atLeast)} ${longest}`);
}

export function endPause(store: Store): void {
  store.remove_(PAUSE);
}
