import { RudderAnalytics } from "@rudderstack/analytics-js/bundled";
import { endpoint, serve } from "./page.js";

const analytics = new RudderAnalytics();
analytics.load("1234567890abcdefghijklmnopq", endpoint, {
  // Always at hand, as from a content delivery network.
  configUrl: location.origin,
  queueOptions: { batch: { enabled: true, maxItems: 50, flushInterval: 1000 } },
  sendAdblockPage: false,
  polyfillIfRequired: false,
});
serve((properties) => analytics.track("chaos", properties));
