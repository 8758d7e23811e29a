import type { Client, Options } from "./types.js";
export type * from "./types.js";
/** Create a client. */
export declare function createClient({ endpoint, paths: { feedback: feedbackPath, analytics: eventsPath }, functionKey, token, respectPrivacySignals, storage, onDrop, onError, }: Options): Client;
