import type { Database } from "./database.js";
import { MAX_BATCH_EVENTS, MAX_DATABASE, MAX_LOCAL, byteLength } from "./limits.js";
import type { Store } from "./store.js";
import type { DropReason, Event, Feedback } from "./types.js";

/** A stored feedback or event: its key, its JSON, and what that says. */
export type Entry = [key: string, text: string, item: (Feedback | Event) & { user_id: string }];

/** The first key of a row of events in the database, their number and size. */
type RowKey = [string, number, number];

// Feedback is sorted before events.
export const FEEDBACK = "1";
export const EVENT = "2";

type Drop = (reason: DropReason, item: Entry[2]) => void;

/** The characters that an item takes; the name of the storage is no longer than this. */
const room = (key: string, text: string) => key.length + text.length + 64;

/** What is stored and not acknowledged: in the local storage, and older events in a database. */
export function createOutbox(store: Store, database: Database, drop: Drop) {
  let size = 0;
  let spilled = 0;
  let spilling: Promise<void> | undefined;

  const parse = (key: string, text: string): Entry[] => {
    size += room(key, text);
    try {
      const item = JSON.parse(text);
      if (item.user_id) return [[key, text, item]];
    } catch {
      // Of another version, or foreign.
    }
    store.remove_(key);
    return [];
  };

  /** Return what is in the local storage: feedback, then events, the oldest first. */
  const list_ = (kinds = FEEDBACK + EVENT) => {
    size = 0;
    return store.keys_().flatMap((key) => (kinds.includes(key[0]!) ? parse(key, store.read_(key)!) : []));
  };

  const rowKeys = async () => {
    const keys = (await database((rows) => rows.getAllKeys())) as RowKey[];
    spilled = keys.reduce((sum, [, count]) => sum + count, 0);
    return keys;
  };

  const readRow = async (key: RowKey) =>
    ((await database((rows) => rows.get(key))) as string[]).flatMap((text) => parse("", text));

  const removeRow_ = async (key: RowKey) => {
    await database((rows) => rows.delete(key));
    return rowKeys();
  };

  /** Move all events into the database, which holds the oldest. Without one, drop the oldest. */
  const spill = async () => {
    const entries = list_(EVENT);
    try {
      await database((rows) => rows.put(entries.map(([, text]) => text), [entries[0]![0], entries.length, size]));
      for (const [key] of entries) store.remove_(key);
      let keys = await rowKeys();
      while (keys.reduce((sum, [, , size]) => sum + size, 0) > MAX_DATABASE) {
        for (const [, , item] of await readRow(keys[0]!)) drop("overflow", item);
        keys = await removeRow_(keys[0]!);
      }
    } catch {
      for (const [key, text, item] of list_(EVENT)) {
        if (size <= MAX_LOCAL) break;
        size -= room(key, text);
        store.remove_(key);
        drop("overflow", item);
      }
    }
    spilling = undefined;
  };

  return {
    list_,
    putEvent_(id: string, text: string): void {
      size += room(id, text);
      if (!store.write_(EVENT + id, text, size <= MAX_LOCAL)) spilling ??= spill();
    },
    /** Return the key and the events of the oldest row in the database. */
    async oldestRow_(): Promise<[RowKey, Entry[]] | undefined> {
      try {
        const [key] = await rowKeys();
        return key && [key, await readRow(key)];
      } catch {
        return;
      }
    },
    removeRow_,
    pending_: () => list_().length + spilled,
  };
}

/** Return the first entries of one user that fit into a batch. */
export function takeBatch(entries: Entry[], maxBytes: number): Entry[] {
  const batch: Entry[] = [];
  for (const entry of entries) {
    maxBytes -= byteLength(entry[1]) + 1;
    if (batch[0] && (maxBytes < 0 || batch[MAX_BATCH_EVENTS - 1] || entry[2].user_id !== batch[0][2].user_id)) break;
    batch.push(entry);
  }
  return batch;
}
