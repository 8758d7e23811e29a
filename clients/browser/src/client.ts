import { openDatabase, type Update } from "./database.js";
import { newId } from "./ids.js";
import {
  FIRST_PAUSE_MS,
  FLUSH_EVENTS,
  FLUSH_MS,
  GZIP_BYTES,
  MAX_BATCH_BYTES,
  MAX_BEACON_BYTES,
  MAX_PAUSE_MS,
  MAX_UNANSWERED,
  PAUSE_GROWTH,
  MAX_ITEM_BYTES,
  REQUEST_MS,
  byteLength,
} from "./limits.js";
import { createOutbox, takeBatch, toBody, type Entry } from "./outbox.js";
import { asksForPrivacy } from "./privacy.js";
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

  const name = endpoint + " up2d8 ";
  let locks: LockManager | undefined;
  let update: Update = () => Promise.reject();
  try {
    if (!storage) {
      storage = localStorage;
      locks = navigator.locks;
      update = openDatabase(name);
    }
  } catch {
    // Forbidden, or not a browser.
  }
  const userKey = name + "u";
  const pauseKey = name + "p";
  const outbox = createOutbox(storage, name, update, drop);
  const refused = new Set<string>();

  let userId: string | null;
  let bearer: string | null | undefined;
  let timer: ReturnType<typeof setTimeout>;
  let fresh = 0;
  let retryAfter = 0;
  let unanswered = 0;
  let closed = false;
  let handed = "";
  let running = Promise.resolve();

  /** The pause after failures, which all tabs share: its end, and the longest that it could be. */
  const pause = () => (outbox.read_(pauseKey) ?? "").split(" ").map(Number) as [number, number];

  /** Return how many milliseconds to wait. A clock that is set back ends the pause. */
  const pauseLeft = () => {
    const [end, longest] = pause();
    const left = end - Date.now();
    return left <= longest && left > 0 && left;
  };

  const endPause = () => outbox.remove_(pauseKey);

  /** Pause for a random time, and at least as long as the server asks for. */
  const extendPause = () => {
    const longest = Math.max(Math.min((pause()[1] || FIRST_PAUSE_MS) * PAUSE_GROWTH, MAX_PAUSE_MS), retryAfter);
    const random = FIRST_PAUSE_MS + Math.random() * (longest - FIRST_PAUSE_MS);
    outbox.write_(pauseKey, Date.now() + Math.max(random, retryAfter) + " " + longest);
  };

  const isPrivate = () => respectPrivacySignals && asksForPrivacy();
  const isStopped = () => unanswered >= MAX_UNANSWERED || isPrivate();

  /** Return the JSON of an item of the current user, unless it is too large. */
  const prepare = (item: object): string => {
    if (!userId) outbox.write_(userKey, (userId = outbox.read_(userKey) ?? newId()));
    const text = JSON.stringify({ user_id: userId, ...item });
    if (byteLength(text) > MAX_ITEM_BYTES) {
      drop("too-large", item as Event);
      throw Error("too-large");
    }
    return text;
  };

  /** Send entries, and remove those that are acknowledged or refused. */
  const deliver = async (entries: Entry[], isFeedback = false, keepalive = isFeedback): Promise<void> => {
    const headers: Record<string, string> = {};
    let body: BodyInit = isFeedback ? entries[0]![1] : toBody(entries);
    if (bearer) headers["Authorization"] = "Bearer " + bearer;
    // Uncompressed after a failure: a server may not allow the header.
    if (!unanswered && !keepalive && body.length > GZIP_BYTES && globalThis.CompressionStream) {
      headers["Content-Encoding"] = "gzip";
      body = await new Response(new Response(body).body!.pipeThrough(new CompressionStream("gzip"))).blob();
    }
    retryAfter = 0;
    if (!isFeedback) unanswered++;
    const response = await fetch(isFeedback ? feedbackUrl : eventsUrl, { method: "POST", body, headers, signal: AbortSignal.timeout?.(REQUEST_MS), keepalive });
    if (!isFeedback) unanswered = 0;
    const status = response.status;
    if (/^5|408|429/.test(status as never) || (token && status === 401)) {
      retryAfter = +response.headers.get("Retry-After")! * 1000 || 0;
      throw Error(status as never);
    }
    const errors: { index: number }[] | false = status === 207 && (await response.json()).errors;
    endPause();
    if (entries[1] && /400|413|422/.test(status as never)) {
      for (const entry of entries) await deliver([entry]);
    } else
      for (const [index, [key, text, item]] of entries.entries()) {
        if (status > 299 || (errors && errors.some((error) => error.index === index))) {
          refused.add(text);
          drop("rejected", item);
        }
        if (outbox.read_(key) === text) outbox.remove_(key);
      }
  };

  /** Return true once nothing is left to be sent now. */
  const sendAll = async () => {
    while (!closed && !pauseLeft()) {
      const [feedback] = outbox.listFeedback_();
      if (feedback) await deliver([feedback], true);
      else {
        if (isStopped()) return true;
        const old = await outbox.readOld_();
        const batch = takeBatch(old[0] ? old : outbox.listEvents_(), MAX_BATCH_BYTES);
        if (!batch[0]) return true;
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
    (running = (running.catch(report) as Promise<void>).then(async () => {
      fresh = 0;
      let done: boolean | null | undefined;
      try {
        // Not within the lock, which all tabs would wait for.
        if (outbox.pending_()) bearer = await token?.();
        done = await (locks ? locks.request(name, { ifAvailable: true }, (lock) => lock && sendAll()) : sendAll());
      } catch (error) {
        extendPause();
        report(error);
      }
      if (!done) schedule(pauseLeft() || FLUSH_MS);
    }));

  /** Give the events to the browser, which sends them even if the page is gone. */
  const handOver = () => {
    const batch = takeBatch(outbox.listEvents_().filter(([key]) => key > handed), MAX_BEACON_BYTES);
    if (!batch[0] || pauseLeft() || isStopped()) return;
    handed = batch.at(-1)![0];
    if (token) deliver(batch, false, true).catch(report);
    else navigator.sendBeacon?.(eventsUrl, toBody(batch));
  };

  const onPageEvent = ({ type }: { type: string }) => {
    if (type === "online") endPause();
    if (type === "pagehide" || globalThis.document?.hidden) return handOver();
    unanswered = 0;
    void flush();
  };
  const listen = (verb: "add" | "remove") => {
    for (const type of ["visibilitychange", "pagehide", "online"]) globalThis[(verb + "EventListener") as "addEventListener"]?.(type, onPageEvent);
  };
  listen("add");
  schedule(0);

  return {
    track(event_type, details = {}) {
      const event_id = newId();
      try {
        if (!isPrivate()) {
          outbox.writeEvent_(event_id, prepare({ event_type, details, event_id, occurred_at: new Date().toISOString() }));
          if (!fresh++) schedule(FLUSH_MS);
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
        const key = name + "f" + JSON.stringify([userId, feedback.message_id]);
        outbox.write_(key, text);
        await flush();
        while (outbox.read_(key) === text && !closed) await new Promise((resolve) => setTimeout(resolve, FLUSH_MS));
        if (outbox.read_(key) === text || refused.delete(text)) throw Error("rejected");
      })();
      settled.catch(report);
      return settled;
    },
    identify(id) {
      userId = id;
      if (!id) outbox.remove_(userKey);
    },
    flush,
    close() {
      handOver();
      closed = true;
      schedule(0);
      listen("remove");
    },
    get pending() {
      return outbox.pending_();
    },
  };
}
