// What each page of a library shares: its options, and the functions that the scenarios call.

export const endpoint = new URLSearchParams(location.search).get("endpoint");

/** Track a page view, and offer `track`, which gives each event a unique mark. */
export function serve(send) {
  // Some libraries send what they stored only with the next event.
  send({ page: location.pathname });
  window.track = (run, n, padding) => send({ mark: `<${run} ${n}>`, padding });
  window.vote = () => {};
  window.pending = () => 0;
}
