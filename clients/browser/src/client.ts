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
  MAX_RETRY_AFTER_MS,
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

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Wrap a function of the page, whose errors must not stop the client, but belong into the console. */
function guard<T extends unknown[]>(callback?: (...values: T) => void) {
  return async (...values: T) => callback?.(...values);
}

/** Create a client. */
export function createClient({
  endpoint,
  paths: { feedback: feedbackPath = "/api/feedback", analytics: eventsPath = "/api/analytics" } = {},
  functionKey,
  token,
  respectPrivacySignals = true,
  storage,
  onDrop,
  onError,
}: Options): Client {
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
  const outbox = createOutbox(storage, name, update, drop);
  const refused = new Set<string>();
  const closing = new AbortController();

  let userId: string | null;
  let bearer: string | null | undefined | void;
  let fresh = 0;
  /** Requests for events without any response, until the first one. */
  let unanswered = 0;
  let handed = "";

  const isPrivate = respectPrivacySignals && asksForPrivacy();
  const isStopped = () => isPrivate || unanswered >= MAX_UNANSWERED;

  const on = (type: string, listener: () => unknown) => globalThis.addEventListener?.(type, listener, closing);

  /** Return the JSON of an item of the current user, unless it is too large. */
  const prepare = (item: object): string => {
    if (!userId) outbox.write_(userKey, (userId = outbox.read_(userKey) ?? newId()));
    // Pages without types also pass numbers, which the server refuses.
    const text = JSON.stringify({ user_id: "" + userId, ...item });
    if (byteLength(text) > MAX_ITEM_BYTES) {
      drop("too-large", item as Event);
      throw Error("too-large");
    }
    return text;
  };

  /** Open one of the two routes. Each has its own pauses, so that votes never wait for events, which may be blocked. */
  const openRoute = (path: string, take: () => Entry[] | Promise<Entry[]>, isFeedback = false) => {
    const url = endpoint.replace(/\/$/, "") + path + (functionKey ? "?code=" + encodeURIComponent(functionKey) : "");
    const pauseKey = name + "p" + path;
    let timer: ReturnType<typeof setTimeout>;
    let retryAfter = FIRST_PAUSE_MS;
    let running = Promise.resolve();

    /** The pause after failures, which all tabs share: its end, and the longest that it could be. */
    let end: number;
    let longest: number;

    /** Return how many milliseconds to wait. A clock that is set back ends the pause. */
    const pauseLeft_ = () => {
      [end, longest] = (outbox.read_(pauseKey) ?? "").split(" ") as unknown[] as [number, number];
      end -= Date.now();
      return end <= longest && end > 0 && end;
    };

    const endPause = () => outbox.remove_(pauseKey);

    /** Send entries, and remove those that are acknowledged or refused. */
    const deliver_ = async (entries: Entry[], keepalive = isFeedback): Promise<void> => {
      const headers: Record<string, string> = {};
      const late = new AbortController();
      let body: BodyInit = isFeedback ? entries[0]![1] : toBody(entries);
      if (keepalive && !isFeedback && !token) return navigator.sendBeacon?.(url, body) as never;
      if (bearer) headers["Authorization"] = "Bearer " + bearer;
      // Uncompressed after a failure: a server may not allow the header.
      if (!longest && !keepalive && body.length > GZIP_BYTES && globalThis.CompressionStream) {
        headers["Content-Encoding"] = "gzip";
        body = await new Response(new Response(body).body!.pipeThrough(new CompressionStream("gzip"))).blob();
      }
      if (!isFeedback) unanswered++;
      setTimeout(() => late.abort(), REQUEST_MS);
      const response = await fetch(url, { method: "POST", body, headers, signal: late.signal, keepalive });
      if (!isFeedback) unanswered = NaN;
      const status = response.status;
      // A page in place of an answer is somebody else's, such as a login's.
      if (/408|429|^[35]|^2.*ml/.test(status + response.headers.get("Content-Type")!) || (token && /401/.test(status as never))) {
        retryAfter = Math.min(+response.headers.get("Retry-After")! * 1000 || FIRST_PAUSE_MS, MAX_RETRY_AFTER_MS);
        throw Error(status as never);
      }
      const errors: { index: number }[] | undefined = status === 207 && (await response.json()).errors;
      endPause();
      if (entries[1] && /400|413|422/.test(status as never)) {
        for (const entry of entries) await deliver_([entry]);
      } else {
        entries.forEach(([key, text, item], index) => {
          if (status > 299 || errors?.some?.((error) => error.index === index)) {
            if (isFeedback) refused.add(text);
            drop("rejected", item);
          }
          if (outbox.read_(key) === text) outbox.remove_(key);
        });
        if (!entries[0]![0]) await outbox.removeOld_(entries);
      }
    };

    /** Return true once nothing is left to be sent now. */
    const sendAll = async (lock: unknown) => {
      // If both fail, the server is down, and a vote finds out when it is back.
      while (lock && !pauseLeft_() && (!longest || !votes.pauseLeft_())) {
        const batch = await take();
        if (!batch[0] || closing.signal.aborted) return true;
        bearer = await Promise.race([token?.(), sleep(REQUEST_MS)]);
        await deliver_(batch);
      }
    };

    const schedule_ = (ms: number) => {
      clearTimeout(timer);
      timer = setTimeout(flush_, ms);
    };

    /** Send what all tabs stored, in one tab at a time. */
    const flushNow = async () => {
      try {
        if (await (locks?.request(pauseKey, { ifAvailable: true }, sendAll) ?? sendAll(true))) return;
      } catch (error) {
        // For a random time, and at least as long as the server asks for.
        longest = Math.max(Math.min((longest || FIRST_PAUSE_MS) * PAUSE_GROWTH, MAX_PAUSE_MS), retryAfter);
        end = Date.now() + retryAfter + Math.random() * (longest - retryAfter);
        outbox.write_(pauseKey, end + " " + longest);
        retryAfter = FIRST_PAUSE_MS;
        report(error);
      }
      schedule_(pauseLeft_() || FLUSH_MS);
    };

    /** Send after what is being sent. */
    const flush_ = () => (running = running.then(flushNow, flushNow));

    on("online", endPause);
    schedule_(0);
    return { deliver_, flush_, schedule_, pauseLeft_ };
  };

  const votes = openRoute(feedbackPath, () => outbox.listFeedback_().slice(0, 1), true);
  const events = openRoute(eventsPath, async () => {
    fresh = 0;
    if (isStopped()) return [];
    const old = await outbox.readOld_();
    return takeBatch(old[0] ? old : outbox.listEvents_(), MAX_BATCH_BYTES);
  });

  /** Try again also what seemed to be blocked. */
  const flush = async () => {
    unanswered &&= 0;
    const sent = votes.flush_();
    await events.flush_();
    await sent;
  };

  /** Give the events to the browser, which sends them even if the page is gone. */
  const handOver = () => {
    const batch = takeBatch(outbox.listEvents_().filter(([key]) => key > handed), MAX_BEACON_BYTES);
    if (!batch[0] || events.pauseLeft_() || isStopped()) return;
    handed = batch.at(-1)![0];
    events.deliver_(batch, true).catch(report);
  };

  on("online", flush);
  on("pagehide", handOver);
  on("visibilitychange", () => (document.hidden ? handOver() : flush()));

  return {
    track(event_type, details = {}) {
      const event_id = newId();
      try {
        if (!isPrivate) {
          outbox.writeEvent_(event_id, prepare({ event_type, details, event_id, occurred_at: new Date().toISOString() }));
          if (!fresh++) events.schedule_(FLUSH_MS);
          if (fresh === FLUSH_EVENTS) void events.flush_();
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
        await votes.flush_();
        while (outbox.read_(key) === text && !closing.signal.aborted) await sleep(FLUSH_MS);
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
      closing.abort();
      handOver();
    },
    get pending() {
      return outbox.pending_();
    },
  };
}
