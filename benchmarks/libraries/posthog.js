import posthog from "posthog-js/dist/module.no-external";
import { endpoint, serve } from "./page.js";

posthog.init("key", {
  api_host: endpoint,
  persistence: "localStorage",
  request_batching: true,
  // Its limit of 10 events a second would drop most.
  rate_limiting: { events_per_second: 1000, events_burst_limit: 10_000 },
  // Headless browsers count as bots.
  opt_out_useragent_filter: true,
  autocapture: false,
  capture_pageview: false,
  capture_pageleave: false,
  disable_session_recording: true,
  disable_surveys: true,
  advanced_disable_flags: true,
});
serve((properties) => posthog.capture("chaos", properties));
