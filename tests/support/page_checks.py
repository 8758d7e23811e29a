"""Accessibility checks of a page: contrast, names, no overflow, and those of axe.

Each check is JavaScript that runs in the page and returns its violations.
"""

from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Page

# Large text, and bold text that is a bit smaller, needs less contrast (WCAG 1.4.3).
CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  function parse(colour) {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  }
  function luminance(rgb) {
    const [r, g, b] = rgb.map((each) => {
      const part = each / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }
  function background(element) {
    for (let each = element; each; each = each.parentElement) {
      const colour = parse(getComputedStyle(each).backgroundColor);
      if (colour[3] === 255) return colour.slice(0, 3);
    }
    return [255, 255, 255];
  }
  function poor(element) {
    const style = getComputedStyle(element);
    const ink = element.closest("svg") ? style.fill : style.color;
    const lights = [parse(ink).slice(0, 3), background(element)].map(luminance);
    const ratio = (Math.max(...lights) + 0.05) / (Math.min(...lights) + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    return ratio < (large ? 3 : 4.5) ? `${element.textContent.trim()}: ${ratio.toFixed(2)}` : null;
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  let seen = 0;
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || element.closest("script, style")) continue;
    if (!element.checkVisibility()) continue;
    seen += 1;
    found.push(poor(element));
  }
  return seen ? found.filter(Boolean) : ["no text was found"];
}"""

# Content of a scrolling box, or only for screen readers, cannot overflow.
OVERFLOW = """() => {
  const found = [...document.body.querySelectorAll("*")].filter((each) => {
    if (each.closest(".scroll > *, .hidden, .skip") || !each.checkVisibility()) return false;
    const box = each.getBoundingClientRect();
    return box.width > 0 && (box.right > innerWidth + 0.5 || box.left < -0.5);
  }).map((each) => each.outerHTML.slice(0, 120));
  const width = document.scrollingElement.scrollWidth;
  return width > innerWidth ? [`the page is ${width} wide`, ...found] : found;
}"""

# The parts of a name are its text nodes; those of one line have one box.
BROKEN_NAMES = """() => {
  const found = [];
  for (const name of document.querySelectorAll("bdi")) {
    if (!name.checkVisibility() || name.closest("blockquote")) continue;
    for (const part of name.childNodes) {
      if (part.nodeType !== Node.TEXT_NODE || /\\s/.test(part.data.trim())) continue;
      const range = document.createRange();
      range.selectNodeContents(part);
      const lines = new Set([...range.getClientRects()].map((each) => each.top));
      if (lines.size > 1) found.push(part.data);
    }
  }
  return found;
}"""

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
RUN_AXE = """() => axe.run().then(({ violations }) => violations.flatMap(
  ({ id, nodes }) => nodes.map((node) => `${id}: ${node.target}: ${node.failureSummary}`)
))"""

# The rendered size of text in a drawing.
TEXT_SIZES = """() => [...document.querySelectorAll(".chart svg.marks text")]
  .filter((each) => each.checkVisibility())
  .map((each) => parseFloat(each.getAttribute("font-size")) * each.getCTM().a)
"""

NAMES = """() => {
  const found = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  for (const each of all("svg"))
    if (!each.closest("[aria-hidden=true]")) {
      const image = each.closest("[role=img]");
      const text = document.getElementById(image?.getAttribute("aria-describedby"));
      const named = image?.getAttribute("aria-label") && text?.textContent;
      if (!named) found.push("svg without a name");
    }
  for (const each of all("table")) {
    if (!each.caption?.textContent.trim()) found.push("table without a caption");
    if (each.querySelector("th:not([scope])")) found.push("th without a scope");
    if (!each.querySelector("tbody th")) found.push("rows without a heading");
  }
  for (const each of all("section, [role=region], nav"))
    if (!each.getAttribute("aria-label")
        && !document.getElementById(each.getAttribute("aria-labelledby"))?.textContent.trim())
      found.push(`${each.id} without a name`);
  const levels = all("h1, h2, h3, h4, h5, h6").map((each) => Number(each.tagName[1]));
  levels.forEach((level, index) => {
    if (level > (levels[index - 1] ?? 0) + 1) found.push(`heading ${index} leaves out a level`);
  });
  if (levels.filter((level) => level === 1).length !== 1) found.push("not one h1");
  const ids = all("[id]").map((each) => each.id);
  if (new Set(ids).size !== ids.length) found.push("an id twice");
  for (const each of all("a[href^='#']"))
    if (!document.getElementById(each.hash.slice(1))) found.push(`a link to nowhere: ${each.hash}`);
  for (const each of ["header", "main", "footer", "html[lang]", "title"])
    if (all(each).length !== 1) found.push(`not one ${each}`);
  return found;
}"""


def low_contrasts(page: Page) -> Any:
    """Return the texts whose contrast is below WCAG's level AA."""
    return page.evaluate(CONTRAST)


def overflows(page: Page) -> Any:
    """Return the elements beyond the left or right edge of the window."""
    return page.evaluate(OVERFLOW)


def smallest_text_of_a_chart(page: Page) -> Any:
    """Return the pixel size of the smallest text in a drawing."""
    return min(page.evaluate(TEXT_SIZES))


def missing_names(page: Page) -> Any:
    """Return the elements without an accessible name, and broken landmarks and links."""
    return page.evaluate(NAMES)


def broken_names(page: Page) -> Any:
    """Return the words of names that are broken between two lines."""
    return page.evaluate(BROKEN_NAMES)


def axe_violations(page: Page) -> Any:
    """Return what axe finds."""
    page.evaluate(AXE.read_text("utf-8"))
    return page.evaluate(RUN_AXE)
