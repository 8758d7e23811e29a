import { AnalyticsBrowser } from "@segment/analytics-next";
import { endpoint, serve } from "./page.js";

const analytics = AnalyticsBrowser.load(
  { writeKey: "key", cdnSettings: { integrations: { "Segment.io": { apiKey: "key" } } } },
  {
    integrations: {
      "Segment.io": {
        apiHost: `${new URL(endpoint).host}/v1`,
        protocol: "http",
        deliveryStrategy: { strategy: "batching", config: { size: 50, timeout: 1000 } },
      },
    },
  },
);
serve((properties) => void analytics.track("chaos", properties));
