import type { Update } from "./database.js";
import { MAX_BATCH_EVENTS, MAX_DATABASE, MAX_LOCAL, byteLength } from "./limits.js";
import type { DropReason, Event, Feedback } from "./types.js";

/** A stored feedback or event: its key, its JSON, and the parsed JSON. */
export type Entry = [key: string, text: string, item: (Feedback | Event) & { user_id: string }];

type Drop = (reason: DropReason, item: Entry[2]) => void;

/** The characters that an item takes, with a long key. */
const room = (text: string) => text.length + 150;

const roomOf = (entries: Entry[]) => toBody(entries).length + 150 * entries.length;

/**
 * What is stored and not acknowledged: in the local storage, and older events in a database.
 *
 * What the local storage cannot hold stays in memory. Only reading may throw.
 */
export function createOutbox(storage: Storage | undefined, name: string, update: Update, drop: Drop) {
  const memory = new Map<string, string>();
  let size = 0;
  let spilled = 0;
  let spilling: Promise<void> | false = false;

  const read_ = (key: string): string | null | undefined => memory.get(key) ?? storage?.getItem(key);

  const remove_ = (key: string) => {
    memory.delete(key);
    storage?.removeItem(key);
  };

  /** Return something if it is in memory only. */
  const write_ = (key: string, text: string, isFull?: boolean): unknown => {
    remove_(key);
    try {
      if (!isFull) return storage!.setItem(key, text);
    } catch {
      // Full, or forbidden.
    }
    return memory.set(key, text);
  };

  const parse = (text: string, key = ""): Entry[] => {
    try {
      const item = JSON.parse(text);
      if (item.user_id) return [[key, text, item]];
    } catch {
      // Of another version, or foreign.
    }
    remove_(key);
    return [];
  };

  /** Return what has a key that begins so, the oldest first. */
  const list_ = (prefix: string) => {
    const keys = [...memory.keys()];
    for (let i = 0, key; (key = storage?.key(i)) != null; i++) keys.push(key);
    return keys
      .filter((key) => key.startsWith(prefix))
      .sort()
      .flatMap((key) => parse(read_(key)!, key));
  };

  const listFeedback_ = () => list_(name + "f");

  const listEvents_ = () => {
    const entries = list_(name + "e");
    size = roomOf(entries);
    return entries;
  };

  /** Return the texts of entries without the oldest, which are dropped until the others fit. */
  const fit = (entries: Entry[], most: number) => {
    let left = roomOf(entries);
    return entries.flatMap(([key, text, item]) => {
      if (left <= most) return text;
      left -= room(text);
      remove_(key);
      drop("overflow", item);
      return [];
    });
  };

  /** Move all events into the database, if there is one. */
  const spill = async () => {
    // All of a burst at once.
    await null;
    const events = listEvents_();
    try {
      spilled = (await update((texts) => fit([...texts.flatMap((text) => parse(text)), ...events], MAX_DATABASE))).length;
      for (const [key] of events) remove_(key);
    } catch {
      fit(events, MAX_LOCAL);
    }
    // What came meanwhile is in memory.
    for (const [key, text] of listEvents_()) write_(key, text);
    spilling = false;
  };

  return {
    read_,
    remove_,
    write_,
    listFeedback_,
    listEvents_,
    writeEvent_(id: string, text: string): void {
      size += room(text);
      if (write_(name + "e" + id, text, size > MAX_LOCAL)) spilling ||= spill();
    },
    /** Return the oldest events in the database. */
    async readOld_(): Promise<Entry[]> {
      const texts = await update((texts) => texts).catch(() => []);
      spilled = texts.length;
      return texts.slice(0, MAX_BATCH_EVENTS).flatMap((text) => parse(text));
    },
    async removeOld_(batch: Entry[]): Promise<void> {
      const sent = new Set(batch.map(([, text]) => text));
      await update((texts) => texts.filter((text) => !sent.has(text)));
    },
    pending_: () => listFeedback_().length + listEvents_().length + spilled,
  };
}

export type Outbox = ReturnType<typeof createOutbox>;

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
