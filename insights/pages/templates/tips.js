
// Labels of bars and points, beside the pointer. The tables hold the same numbers.
(() => {
  "use strict";
  const tip = document.body.appendChild(document.createElement("div"));
  tip.className = "tip";
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true");

  function place(event) {
    const gap = 14;
    const left = event.clientX + gap + tip.offsetWidth > innerWidth
      ? event.clientX - gap - tip.offsetWidth : event.clientX + gap;
    const top = Math.min(event.clientY + gap, innerHeight - tip.offsetHeight - 4);
    tip.style.left = `${Math.max(4, Math.min(left, innerWidth - tip.offsetWidth - 4))}px`;
    tip.style.top = `${Math.max(4, top)}px`;
  }

  function show(event) {
    const mark = event.target.closest?.(".chart svg [aria-label]");
    tip.hidden = !mark;
    if (mark) {
      tip.textContent = mark.getAttribute("aria-label");
      place(event);
    }
  }

  for (const name of ["pointermove", "pointerdown"]) document.addEventListener(name, show, { passive: true });
  document.addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") tip.hidden = true; });
})();
