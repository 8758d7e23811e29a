import type { Update } from "./database.js";
import { EVENT, FEEDBACK } from "./keys.js";
import { MAX_BATCH_EVENTS, MAX_DATABASE, MAX_LOCAL, byteLength } from "./limits.js";
import type { Store } from "./store.js";
import type { DropReason, Event, Feedback } from "./types.js";

/** A stored feedback or event: its key, its JSON, and the parsed JSON. */
export type Entry = [key: string, text: string, item: (Feedback | Event) & { user_id: string }];

type Drop = (reason: DropReason, item: Entry[2]) => void;

export const isFeedback = (entry?: Entry) => !!entry && entry[0] < EVENT;

/** The characters that an item takes, with a long key. */
const room = (text: string) => text.length + 150;

const roomOf = (entries: Entry[]) => toBody(entries).length + 150 * entries.length;

/** What is stored and not acknowledged: in the local storage, and older events in a database. */
export function createOutbox(store: Store, update: Update | undefined, drop: Drop) {
  let size = 0;
  let spilled = 0;
  let spilling: Promise<void> | undefined;

  const parse = (text: string, key = EVENT): Entry[] => {
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
  const list_ = () => {
    const entries = store.keys_().flatMap((key) => (key < FEEDBACK ? [] : parse(store.read_(key)!, key)));
    size = roomOf(entries);
    return entries;
  };

  /** Return the texts of entries without the oldest, which are dropped until the others fit. */
  const fit = (entries: Entry[], most: number) => {
    let left = roomOf(entries);
    return entries.flatMap(([key, text, item]) => {
      if (left <= most) return text;
      left -= room(text);
      store.remove_(key);
      drop("overflow", item);
      return [];
    });
  };

  const change = async (...[by]: Parameters<Update>) => {
    const texts = await update!(by);
    spilled = texts.length;
    return texts;
  };

  /** Move all events into the database, if there is one. */
  const spill = async () => {
    const events = list_().filter((entry) => !isFeedback(entry));
    try {
      await change((texts) => fit([...texts.flatMap((text) => parse(text)), ...events], MAX_DATABASE));
      for (const [key] of events) store.remove_(key);
    } catch {
      fit(events, MAX_LOCAL);
    }
    size = 0;
    spilling = undefined;
  };

  return {
    list_,
    putEvent_(id: string, text: string): void {
      size += room(text);
      if (!store.write_(EVENT + id, text, size <= MAX_LOCAL)) spilling ??= spill();
    },
    /** Return the oldest events in the database. */
    async readOld_(): Promise<Entry[]> {
      const texts = await change((texts) => texts).catch(() => []);
      return texts.slice(0, MAX_BATCH_EVENTS).flatMap((text) => parse(text));
    },
    async removeOld_(batch: Entry[]): Promise<void> {
      const sent = new Set(batch.map(([, text]) => text));
      await change((texts) => texts.filter((text) => !sent.has(text)));
    },
    pending_: () => list_().length + spilled,
  };
}

/** Return the entries of the first user that fit into a batch, and the first in any case. */
export function takeBatch(entries: Entry[], maxBytes: number): Entry[] {
  return entries.filter(
    ([, text, item], index) =>
      ((maxBytes -= byteLength(text) + 1) > 0 && index < MAX_BATCH_EVENTS && item.user_id === entries[0]![2].user_id) ||
      !index,
  );
}

/** Return the body of a batch. */
export function toBody(batch: Entry[]): string {
  return `[${batch.map(([, text]) => text)}]`;
}
