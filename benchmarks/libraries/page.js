// What each page of a library shares: its options, and the functions that the scenarios call.

export const endpoint = new URLSearchParams(location.search).get("endpoint");

/** Offer `track`, which gives the library an event whose properties have a mark that is unique. */
export function serve(send) {
  window.track = (run, n, padding) => send({ mark: `<${run} ${n}>`, padding });
  window.vote = () => {};
  window.pending = () => 0;
}
