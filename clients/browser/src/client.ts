import type { Client, Options } from "./types.js";

export type * from "./types.js";

/** Create a client. */
export function createClient(options: Options): Client {
  void options;
  throw new Error("not built yet");
}
