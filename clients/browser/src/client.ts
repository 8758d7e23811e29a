import { endPause, extendPause, pauseLeft } from "./backoff.js";
import { createDatabase } from "./database.js";
import { newId } from "./ids.js";
import {
  FLUSH_EVENTS,
  FLUSH_MS,
  GZIP_BYTES,
  MAX_BATCH_BYTES,
  MAX_BEACON_BYTES,
  MAX_BLOCKED,
  MAX_ITEM_BYTES,
  REQUEST_MS,
  byteLength,
} from "./limits.js";
import { EVENT, FEEDBACK, createOutbox, takeBatch, type Entry } from "./outbox.js";
import { asksForPrivacy } from "./privacy.js";
import { createStore } from "./store.js";
import type { Client, DropReason, Event, Feedback, Options } from "./types.js";

export type * from "./types.js";

const PAGE_EVENTS = ["visibilitychange", "pagehide", "pageshow", "online"];
const USER = "u";

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Create a client. */
export function createClient(options: Options): Client {
  const { endpoint, paths, functionKey, token, respectPrivacySignals, onDrop, onError } = options;
  const query = functionKey ? "?code=" + encodeURIComponent(functionKey) : "";
  const feedbackUrl = endpoint + (paths?.feedback ?? "/api/feedback") + query;
  const eventsUrl = endpoint + (paths?.analytics ?? "/api/analytics") + query;

  const report = (error: unknown) => {
    try {
      onError?.(error);
    } catch {
      // The page must not break.
    }
  };
  const drop = (reason: DropReason, item: Feedback | Event) => {
    try {
      onDrop?.(reason, item);
    } catch (error) {
      report(error);
    }
  };

  let storage = options.storage;
  try {
    storage ??= localStorage;
  } catch {
    // Forbidden, or not a browser.
  }
  const name = `up2d8 ${endpoint} `;
  const store = createStore(storage, name);
  const outbox = createOutbox(store, createDatabase(name), drop);
  const refused = new Set<string>();

  let userId: string | null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let soon = false;
  let fresh = 0;
  let blocked = 0;
  let gzip = true;
  let closed = false;
  let handed = "";
  let running: Promise<void> | undefined;

  const isPrivate = () => respectPrivacySignals !== false && asksForPrivacy();

  /** Return the JSON of what the current user sends. */
  const prepare = <T extends object>(item: T): string | undefined => {
    userId ||= store.read_(USER);
    if (!userId) store.write_(USER, (userId = newId()));
    const text = JSON.stringify({ user_id: userId, ...item });
    if (byteLength(text) <= MAX_ITEM_BYTES) return text;
    drop("too-large", item as Event);
    return;
  };

  /** Send entries, and remove those that are acknowledged or refused. Return whether to go on. */
  const deliver = async (url: string, entries: Entry[], keepalive = url === feedbackUrl): Promise<boolean> => {
    let retryAfter = 0;
    try {
      const texts = entries.map(([, text]) => text).join();
      const [status, headers, errors] = await Promise.race([
        post(url, url === feedbackUrl ? texts : `[${texts}]`, keepalive),
        sleep(REQUEST_MS).then(() => Promise.reject(Error("Timeout"))),
      ]);
      if (status > 499 || status === 408 || status === 429 || (status === 401 && token)) {
        retryAfter = +headers.get("Retry-After")!;
        throw Error("HTTP " + status);
      }
      endPause(store);
      if (entries[1] && (status === 400 || status === 413 || status === 422)) {
        for (const entry of entries) if (!(await deliver(url, [entry]))) return false;
        return true;
      }
      entries.forEach(([key, text, item], index) => {
        if (status > 299 || errors.some((error) => error.index === index)) {
          refused.add(text);
          drop("rejected", item);
        }
        if (store.read_(key) === text) store.remove_(key);
      });
      return true;
    } catch (error) {
      extendPause(store, retryAfter);
      report(error);
      return false;
    }
  };

  /** Return the status, the headers, and what was refused of a batch. */
  const post = async (url: string, body: BodyInit, keepalive: boolean): Promise<[number, Headers, { index: number }[]]> => {
    const headers: Record<string, string> = {};
    const bearer = await token?.();
    if (bearer) headers["Authorization"] = "Bearer " + bearer;
    if (gzip && !keepalive && (body as string).length > GZIP_BYTES && globalThis.CompressionStream) {
      headers["Content-Encoding"] = "gzip";
      body = await new Response(new Blob([body as string]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer();
    }
    const response = await fetch(url, {
      method: "POST",
      body,
      headers,
      keepalive,
      signal: AbortSignal.timeout?.(REQUEST_MS),
    }).catch((error) => {
      gzip = false;
      if (url === eventsUrl && navigator.onLine !== false && error instanceof TypeError) blocked++;
      throw error;
    });
    if (url === eventsUrl) blocked = 0;
    return [response.status, response.headers, response.status === 207 ? (await response.json()).errors : []];
  };

  const sendAll = async () => {
    while (!closed && !pauseLeft(store)) {
      const [feedback] = outbox.list_(FEEDBACK);
      if (feedback) {
        if (!(await deliver(feedbackUrl, [feedback]))) return;
        continue;
      }
      if (blocked >= MAX_BLOCKED || isPrivate()) return;
      const row = await outbox.oldestRow_();
      let entries = row ? row[1] : outbox.list_(EVENT);
      if (!row && !entries[0]) return;
      do {
        const batch = takeBatch(entries, MAX_BATCH_BYTES);
        if (batch[0] && !(await deliver(eventsUrl, batch))) return;
        entries = entries.slice(batch.length);
      } while (row && entries[0]);
      if (row) await outbox.removeRow_(row[0]);
    }
  };

  const schedule = (ms: number) => {
    clearTimeout(timer);
    timer = closed ? undefined : setTimeout(drain, ms);
  };

  /** Send what all tabs stored, in one tab at a time. */
  const drain = () =>
    (running ??= (async () => {
      soon = false;
      fresh = 0;
      try {
        const locks = storage && globalThis.navigator?.locks;
        await (locks ? locks.request(name, { ifAvailable: true }, (lock) => lock && sendAll()) : sendAll());
      } catch (error) {
        report(error);
      }
      running = undefined;
      if (blocked < MAX_BLOCKED ? outbox.pending_() : outbox.list_(FEEDBACK)[0]) schedule(pauseLeft(store) || FLUSH_MS);
    })());

  const flush = async () => {
    await running;
    await drain();
  };

  /** Give the events to the browser, which sends them even if the page is gone. */
  const handOver = () => {
    if (pauseLeft(store) || blocked >= MAX_BLOCKED || isPrivate()) return;
    const batch = takeBatch(outbox.list_(EVENT).filter(([key]) => key > handed), MAX_BEACON_BYTES);
    if (!batch[0]) return;
    handed = batch.at(-1)![0];
    if (token) void deliver(eventsUrl, batch, true);
    else navigator.sendBeacon?.(eventsUrl, `[${batch.map(([, text]) => text).join()}]`);
  };

  const onPageEvent = ({ type }: { type: string }) => {
    if (type === "pagehide" || (type === "visibilitychange" && document.hidden)) return handOver();
    if (type === "online") endPause(store);
    blocked = Math.min(blocked, MAX_BLOCKED - 1);
    void drain();
  };
  for (const type of PAGE_EVENTS) globalThis.addEventListener?.(type, onPageEvent);
  schedule(0);

  return {
    track(event_type, details = {}) {
      const event_id = newId();
      try {
        const text = !isPrivate() && prepare({ event_type, details, event_id, occurred_at: new Date().toISOString() });
        if (text) {
          outbox.putEvent_(event_id, text);
          if (++fresh >= FLUSH_EVENTS) void drain();
          else if (!soon) schedule(FLUSH_MS), (soon = true);
        }
      } catch (error) {
        report(error);
      }
      return event_id;
    },
    feedback(feedback) {
      const settled = (async () => {
        const text = prepare(feedback);
        if (!text) throw Error("too-large");
        const key = FEEDBACK + JSON.stringify([feedback.message_id, userId]);
        store.write_(key, text);
        await flush();
        while (store.read_(key) === text) {
          if (closed) throw Error("closed");
          await sleep(FLUSH_MS);
        }
        if (refused.delete(text)) throw Error("rejected");
      })();
      settled.catch(report);
      return settled;
    },
    identify(id) {
      userId = id;
      if (!id) store.remove_(USER);
    },
    flush,
    close() {
      handOver();
      closed = true;
      clearTimeout(timer);
      for (const type of PAGE_EVENTS) globalThis.removeEventListener?.(type, onPageEvent);
    },
    get pending() {
      return outbox.pending_();
    },
  };
}
