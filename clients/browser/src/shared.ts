/** One client for all elements with the same endpoint, key and user. */

import { createClient } from "./client.js";
import type { Client } from "./client.js";

const clients: Record<string, Client> = {};

/** Return the client that the attributes of an element ask for. */
export function sharedClient(host: Element): Client {
  const [endpoint, functionKey, user] = ["endpoint", "function-key", "user-id"].map(
    (name) => host.getAttribute(name) ?? "",
  ) as [string, string, string];
  const key = [endpoint, functionKey, user].join();
  if (!clients[key]) {
    clients[key] = createClient({ endpoint, functionKey });
    if (user) clients[key].identify(user);
  }
  return clients[key];
}
