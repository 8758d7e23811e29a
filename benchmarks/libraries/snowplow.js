import { newTracker, trackSelfDescribingEvent } from "@snowplow/browser-tracker";
import { endpoint, serve } from "./page.js";

newTracker("sp", endpoint, {
  appId: "chaos",
  bufferSize: 10,
  encodeBase64: false,
  keepalive: true,
  stateStorageStrategy: "localStorage",
});
serve((data) => trackSelfDescribingEvent({ event: { schema: "iglu:com.example/chaos/jsonschema/1-0-0", data } }));
