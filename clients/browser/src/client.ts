import { endPause, extendPause, pauseLeft } from "./backoff.js";
import { openDatabase, type Update } from "./database.js";
import { newId } from "./ids.js";
import { EVENT, FEEDBACK, USER } from "./keys.js";
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
import { createOutbox, isFeedback, takeBatch, toBody, type Entry } from "./outbox.js";
import { asksForPrivacy } from "./privacy.js";
import { createStore } from "./store.js";
import type { Client, Event, Options } from "./types.js";

export type * from "./types.js";

/** Wrap a function of the page, whose errors must not stop the client. */
function guard<T extends unknown[]>(callback?: (...values: T) => void) {
  return (...values: T) => {
    try {
      callback?.(...values);
    } catch {
      // Its own business.
    }
  };
}

/** Create a client. */
export function createClient({
  endpoint,
  paths,
  functionKey,
  token,
  respectPrivacySignals = true,
  storage,
  onDrop,
  onError,
}: Options): Client {
  const toUrl = (path: string) =>
    endpoint.replace(/\/$/, "") + path + (functionKey ? "?code=" + encodeURIComponent(functionKey) : "");
  const feedbackUrl = toUrl(paths?.feedback ?? "/api/feedback");
  const eventsUrl = toUrl(paths?.analytics ?? "/api/analytics");

  const report = guard(onError);
  const drop = guard(onDrop);

  const name = `up2d8 ${endpoint} `;
  let locks: LockManager | undefined;
  let update: Update | undefined;
  try {
    if (!storage) {
      storage = localStorage;
      locks = navigator.locks;
      update = openDatabase(name);
    }
  } catch {
    // Forbidden, or not a browser.
  }
  const store = createStore(storage, name);
  const outbox = createOutbox(store, update, drop);
  const refused = new Set<string>();

  let userId: string | null;
  let timer: ReturnType<typeof setTimeout>;
  let fresh = 0;
  let retryAfter = 0;
  let blocked = 0;
  let gzip = true;
  let closed = false;
  let handed = EVENT;
  let running = Promise.resolve();

  const isPrivate = () => respectPrivacySignals && asksForPrivacy();
  const isStopped = () => blocked >= MAX_BLOCKED || isPrivate();

  /** Return the JSON of an item of the current user, unless it is too large. */
  const prepare = (item: object): string => {
    if (!userId) store.write_(USER, (userId = store.read_(USER) ?? newId()));
    const text = JSON.stringify({ user_id: userId, ...item });
    if (byteLength(text) > MAX_ITEM_BYTES) {
      drop("too-large", item as Event);
      throw Error("too-large");
    }
    return text;
  };

  /** Send entries, and remove those that are acknowledged or refused. */
  const deliver = async (entries: Entry[], keepalive = isFeedback(entries[0])): Promise<void> => {
    const isEvents = !isFeedback(entries[0]);
    const post = async () => {
      const headers: Record<string, string> = {};
      let body: BodyInit = isEvents ? toBody(entries) : entries[0]![1];
      const bearer = await token?.();
      if (bearer) headers["Authorization"] = "Bearer " + bearer;
      if (gzip && !keepalive && body.length > GZIP_BYTES && globalThis.CompressionStream) {
        headers["Content-Encoding"] = "gzip";
        body = await new Response(new Response(body).body!.pipeThrough(new CompressionStream("gzip"))).blob();
      }
      const signal = AbortSignal.timeout?.(REQUEST_MS);
      return fetch(isEvents ? eventsUrl : feedbackUrl, { method: "POST", body, headers, keepalive, signal });
    };
    retryAfter = 0;
    const response = await Promise.race([
      post(),
      new Promise<never>((_, reject) => setTimeout(reject, REQUEST_MS, Error("Timeout"))),
    ]).catch((error) => {
      gzip = false;
      if (isEvents && navigator.onLine !== false && error instanceof TypeError) blocked++;
      throw error;
    });
    if (isEvents) blocked = 0;
    const status = `${response.status}`;
    if (/^5|408|429/.test(status) || (token && status === "401")) {
      retryAfter = +response.headers.get("Retry-After")! * 1000 || 0;
      throw Error("HTTP " + status);
    }
    const errors: { index: number }[] | false = status === "207" && (await response.json()).errors;
    endPause(store);
    if (entries[1] && /400|413|422/.test(status)) {
      for (const entry of entries) await deliver([entry]);
    } else
      entries.forEach(([key, text, item], index) => {
        if (status > "3" || (errors && errors.some((error) => error.index === index))) {
          refused.add(text);
          drop("rejected", item);
        }
        if (store.read_(key) === text) store.remove_(key);
      });
  };

  const sendAll = async () => {
    while (!closed && !pauseLeft(store)) {
      const all = outbox.list_();
      if (isFeedback(all[0])) await deliver([all[0]!]);
      else {
        if (isStopped()) return;
        const old = await outbox.readOld_();
        const batch = takeBatch(old[0] ? old : all, MAX_BATCH_BYTES);
        if (!batch[0]) return;
        await deliver(batch);
        if (old[0]) await outbox.removeOld_(batch);
      }
    }
  };

  const schedule = (ms: number) => {
    clearTimeout(timer);
    if (!closed) timer = setTimeout(flush, ms);
  };

  /** Send what all tabs stored, in one tab at a time. */
  const flush = () =>
    (running = running.then(async () => {
      fresh = 0;
      try {
        await (locks ? locks.request(name, { ifAvailable: true }, (lock) => lock && sendAll()) : sendAll());
      } catch (error) {
        extendPause(store, retryAfter);
        report(error);
      }
      if (isStopped() ? isFeedback(outbox.list_()[0]) : outbox.pending_()) schedule(pauseLeft(store) || FLUSH_MS);
    }));

  /** Give the events to the browser, which sends them even if the page is gone. */
  const handOver = () => {
    if (pauseLeft(store) || isStopped()) return;
    const batch = takeBatch(outbox.list_().filter(([key]) => key > handed), MAX_BEACON_BYTES);
    if (!batch[0]) return;
    handed = batch.at(-1)![0];
    if (token) deliver(batch, true).catch(report);
    else navigator.sendBeacon?.(eventsUrl, toBody(batch));
  };

  const onPageEvent = ({ type }: { type: string }) => {
    if (type === "online") endPause(store);
    if (type === "pagehide" || globalThis.document?.hidden) return handOver();
    blocked = Math.min(blocked, MAX_BLOCKED - 1);
    void flush();
  };
  const listen = (verb: "add" | "remove") => {
    for (const type of ["visibilitychange", "pagehide", "online"]) globalThis[`${verb}EventListener`]?.(type, onPageEvent);
  };
  listen("add");
  schedule(0);

  return {
    track(event_type, details = {}) {
      const event_id = newId();
      try {
        if (!isPrivate()) {
          outbox.putEvent_(event_id, prepare({ event_type, details, event_id, occurred_at: new Date().toISOString() }));
          fresh++;
          if (fresh === 1) schedule(FLUSH_MS);
          if (fresh === FLUSH_EVENTS) void flush();
        }
      } catch (error) {
        report(error);
      }
      return event_id;
    },
    feedback(feedback) {
      const settled = (async () => {
        const text = prepare(feedback);
        const key = FEEDBACK + JSON.stringify([userId, feedback.message_id]);
        store.write_(key, text);
        await flush();
        while (store.read_(key) === text) {
          if (closed) throw Error("closed");
          await new Promise((resolve) => setTimeout(resolve, FLUSH_MS));
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
      listen("remove");
    },
    get pending() {
      return outbox.pending_();
    },
  };
}
