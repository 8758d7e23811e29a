/** The public types of the client. Field names are those of the HTTP API. */

/**
 * Why an item was dropped: there was no more room for it, the server refused it, or it has more
 * than 32 KiB.
 */
export type DropReason = "overflow" | "rejected" | "too-large";

export interface Feedback {
  message_id: string;
  /** Null withdraws an earlier rating. */
  rating: string | null;
  comment?: string;
  reasons?: string[];
}

export interface Event {
  event_type: string;
  details: object;
  /** A UUID of version 7. The server stores an event once, however often it is sent. */
  event_id: string;
  /** When it happened, by the clock of this device. */
  occurred_at: string;
}

export interface Options {
  /** The function app, such as `https://up2d8.azurewebsites.net`. */
  endpoint: string;
  /** Default: `/api/feedback` and `/api/analytics`. */
  paths?: { feedback?: string; analytics?: string };
  /** Sent as the query parameter `code`. Anyone who sees the page can read it. */
  functionKey?: string;
  /** Returns the bearer token of the current user, and a new one once that has expired. Asked before each request. */
  token?: () => string | null | Promise<string | null>;
  /** Track nothing in browsers that send Global Privacy Control or Do Not Track. Default: true. */
  respectPrivacySignals?: boolean;
  /** Where items wait, instead of the `localStorage` and an IndexedDB. */
  storage?: Storage;
  /** An item is gone and was not stored by the server. */
  onDrop?(reason: DropReason, item: Feedback | Event): void;
  /** Something failed. What is stored is sent again later. */
  onError?(error: unknown): void;
}

export interface Client {
  /** Store an event and send it soon. Never throws. Returns its `event_id`. */
  track(type: string, details?: object): string;
  /**
   * Store a rating and send it at once; the newest for a message wins. Resolves when the server
   * acknowledged it, rejects when it was dropped or the client closed.
   */
  feedback(feedback: Feedback): Promise<void>;
  /**
   * Set the user of what follows. Before, and after null, it is a random id, which the storage
   * keeps.
   */
  identify(userId: string | null): void;
  /**
   * Send everything that is stored, also what seemed to be blocked, unless a pause after a failure
   * is under way.
   */
  flush(): Promise<void>;
  /** Hand over what is stored to the browser, and stop. */
  close(): void;
  /** Number of stored items that are not acknowledged yet. */
  readonly pending: number;
}
