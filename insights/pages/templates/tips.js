
// Labels of bars and points, beside the pointer or, by arrow keys, on the focused chart. The tables
// hold the same numbers.
(() => {
  "use strict";
  const GAP = 14;
  const tip = document.body.appendChild(document.createElement("div"));
  tip.className = "tip";
  tip.hidden = true;
  tip.setAttribute("role", "status");

  // The figure and the position of the mark that the keyboard chose, which survive an update.
  let figure = null;
  let position = 0;

  function show(mark, x, y) {
    tip.hidden = false;
    const text = mark.getAttribute("aria-label");
    if (tip.textContent !== text) tip.textContent = text;
    const left = x + GAP + tip.offsetWidth > innerWidth ? x - GAP - tip.offsetWidth : x + GAP;
    const top = Math.min(y + GAP, innerHeight - tip.offsetHeight - 4);
    tip.style.left = `${Math.max(4, Math.min(left, innerWidth - tip.offsetWidth - 4))}px`;
    tip.style.top = `${Math.max(4, top)}px`;
  }

  function hide() {
    tip.hidden = true;
    document.querySelector(".chosen")?.classList.remove("chosen");
  }

  // Browsers also send moves of a resting pointer, when the page scrolls below it.
  let pointer = "";

  function point(event) {
    const place = `${event.clientX} ${event.clientY}`;
    if (event.type === "pointermove" && place === pointer) return;
    pointer = place;
    const mark = event.target.closest?.(".chart svg [aria-label]");
    hide();
    if (mark) show(mark, event.clientX, event.clientY);
  }

  const marksOf = (chart) => [...chart.querySelectorAll("svg [aria-label]")];

  function choose(chart, wanted) {
    const marks = marksOf(chart);
    position = Math.max(0, Math.min(wanted, marks.length - 1));
    hide();
    marks[position]?.classList.add("chosen");
    follow();
  }

  // The focused chart may scroll into view.
  function follow() {
    const mark = document.querySelector(".chosen");
    if (!mark) return hide();
    const box = mark.getBoundingClientRect();
    show(mark, box.right - GAP / 2, box.top);
  }

  function focus(event) {
    const chart = event.target.closest?.(".chart [role=img]");
    if (!chart?.matches(":focus-visible")) return;
    const own = chart.closest("figure").id;
    if (own !== figure) position = Infinity;
    figure = own;
    choose(chart, position);
  }

  function press(event) {
    if (event.key === "Escape") hide();
    const chart = document.activeElement?.closest(".chart [role=img]");
    const steps = { ArrowLeft: position - 1, ArrowRight: position + 1, Home: 0, End: Infinity };
    if (!chart || !(event.key in steps) || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    choose(chart, steps[event.key]);
  }

  for (const name of ["pointermove", "pointerdown"]) document.addEventListener(name, point, { passive: true });
  document.addEventListener("scroll", follow, { passive: true });
  document.addEventListener("focusin", focus);
  document.addEventListener("focusout", hide);
  document.addEventListener("keydown", press);
})();
