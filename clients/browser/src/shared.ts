/** One client for all elements with the same endpoint, key and user. */

import { createClient } from "./client.js";
import type { Client } from "./client.js";

const clients: Record<string, Client> = {};

/** Return the client that the attributes of an element ask for. */
export function sharedClient(host: Element): Client {
  const options = ["endpoint", "function-key", "user-id"].map((name) => host.getAttribute(name) ?? "");
  return (clients[`${options}`] ??= start(...(options as [string, string, string])));
}

function start(endpoint: string, functionKey: string, user: string): Client {
  const client = createClient({ endpoint, functionKey });
  if (user) client.identify(user);
  return client;
}
