
// Live updates: the server sends the parts whose HTML changed.
(() => {
  "use strict";
  const ANNOUNCE_MS = 60000;
  const status = document.getElementById("status");
  let announced = Date.now();

  function show(state, text) {
    if (status.dataset.state !== state) status.dataset.state = state;
    document.getElementById("status-text").textContent = text;
  }

  function announce(text, now = false) {
    if (!now && Date.now() - announced < ANNOUNCE_MS) return;
    announced = Date.now();
    document.getElementById("announcement").textContent = text;
  }

  const keyed = (root) => [...root.querySelectorAll("details[data-key]")];
  const focusable = (root) => [...root.querySelectorAll("a[href], summary, [tabindex]")];

  // Keeps open details, the focus and scroll positions.
  function replace(part, { digest, html }) {
    if (part.dataset.digest === digest) return false;
    const open = new Set(keyed(part).filter((each) => each.open).map((each) => each.dataset.key));
    const focused = focusable(part).indexOf(document.activeElement);
    const scrolled = [...part.querySelectorAll(".scroll")].map((each) => [each.scrollLeft, each.scrollTop]);
    part.innerHTML = html;
    part.dataset.digest = digest;
    for (const each of keyed(part)) each.open = open.has(each.dataset.key);
    part.querySelectorAll(".scroll").forEach((each, index) => each.scrollTo(...(scrolled[index] ?? [0, 0])));
    if (focused >= 0) focusable(part)[focused]?.focus({ preventScroll: true });
    return true;
  }

  // Keeps the first part in view where it is. Not every browser has scroll anchoring.
  function update(parts) {
    const all = [...document.querySelectorAll("[data-digest]")];
    const seen = all.find((each) => each.getBoundingClientRect().bottom > innerHeight / 4);
    const top = seen?.getBoundingClientRect().top;
    const changed = all.filter((each) => parts[each.id] && replace(each, parts[each.id]));
    if (seen) scrollBy({ top: seen.getBoundingClientRect().top - top, behavior: "instant" });
    return changed.length > 0;
  }

  function receive(event) {
    const { parts, stale, status: text, announcement } = JSON.parse(event.data);
    const changed = update(parts);
    show(stale ? "stale" : "live", text);
    if (stale) announce(text, true);
    else if (changed) announce(announcement);
  }

  // The query of the address has the token.
  const stream = `stream${location.search}`;

  // A restarted server has a new token, and so a new address.
  async function retry() {
    const response = await fetch(stream, { method: "HEAD" }).catch(() => null);
    if (response?.status !== 403) {
      setTimeout(connect, 2000);
      return;
    }
    const text = "Server restarted: open its new address";
    show("ended", text);
    announce(text, true);
  }

  // Browsers keep at most six connections to a server, so pages in the background have none.
  let source = null;

  function connect() {
    if (source || document.hidden) return;
    source = new EventSource(stream);
    source.onmessage = receive;
    source.onerror = () => {
      show("reconnecting", "Reconnecting…");
      // The browser reconnects by itself, unless the response was not a stream.
      if (source?.readyState === EventSource.CLOSED) {
        source = null;
        retry();
      }
    };
  }

  function pause() {
    source?.close();
    source = null;
    show("connecting", "Paused");
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? pause() : connect()));
  connect();
})();
