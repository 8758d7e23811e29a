/** The thumbs of one element, and what becomes of a vote. */

import type { Feedback } from "./client.js";
import { button, create, icon } from "./elements.js";
import { createPanel } from "./panel.js";
import type { Details } from "./panel.js";
import { sharedClient } from "./shared.js";
import { textOf } from "./texts.js";
import type { FeedbackClient, MessageFeedback } from "./widget.js";
import css from "./widget.css";

const PENDING_AFTER_MS = 2_000;
const MESSAGE_MS = 6_000;

// The cuff and the hand are apart, so that they are told apart when filled.
const THUMB = "M3,11h3v9H3zM10,11l3-8q2,0,2,2v4h4q2,0,2,2l-1,7q0,2-2,2h-8z";
const NOTE = "M4,5h16v11h-8l-4,4v-4H4z";

/** The style sheet that all elements share. */
const sheet = globalThis.CSSStyleSheet && new CSSStyleSheet();
sheet?.replaceSync(css);

/** Fill the shadow root of an element. Returns the function to call when an attribute changes. */
export function createThumbs(host: MessageFeedback) {
  const up = button("up", () => vote(up), icon(THUMB));
  const down = button("down", () => vote(down), icon(THUMB));
  const more = button("more", () => preparePanel(), icon(NOTE));
  const group = create("div part=group role=group", up, down, more);
  const status = create("div part=status role=status popover=manual");
  const root = host.attachShadow({ mode: "open" });
  root.adoptedStyleSheets = [sheet];
  root.append(group, status);

  let panel: HTMLElement | undefined;
  /** The rating that the page knows of. */
  let known: string | null = null;
  /** The rating that the server has, as far as this element knows. */
  let accepted: string | null = null;
  /** The timer of the latest vote. The outcome of an older one is not shown. */
  let latest = 0;
  let silence = 0;
  let isShowing = false;
  let isRendering = false;

  const client = (): FeedbackClient =>
    host.client ?? (host.constructor as typeof MessageFeedback).client ?? sharedClient(host);

  /** Reflect a rating. None is empty, not absent: so it is noticed when the page removes it. */
  const show = (rating: string | null): void => {
    isShowing = true;
    host.rating = rating;
    isShowing = false;
  };

  /** Show and announce a text for a while. */
  const say = (name: string): void => {
    host.toggleAttribute("pending", name === "pending");
    status.textContent = name && textOf(host, name);
    if (host.isConnected) status.togglePopover(true);
    clearTimeout(silence);
    silence = setTimeout(() => (status.textContent = ""), MESSAGE_MS);
  };

  /** Send a feedback, and say what becomes of it. */
  const send = async (rating: string | null, details?: Details): Promise<void> => {
    const feedback: Feedback = { message_id: host.messageId, rating, ...details };
    const tell = (name: string, shown = rating): void => {
      if (late !== latest) return;
      show(shown);
      say(name);
    };
    const late = (latest = setTimeout(tell, PENDING_AFTER_MS, "pending"));
    tell("");
    host.dispatchEvent(new CustomEvent("feedback", { bubbles: true, composed: true, detail: feedback }));
    try {
      await client().feedback(feedback);
      if (late === latest) accepted = rating;
      tell(rating ? "thanks" : "withdrawn");
    } catch {
      tell("failed", accepted);
    }
    clearTimeout(late);
  };

  /** Make the panel for its first use. What was typed stays in it. */
  const preparePanel = (): HTMLElement =>
    (panel ??= root.appendChild(
      (more.popoverTargetElement = createPanel(host, (details) => {
        panel!.hidePopover();
        down.focus();
        if (details) void send(host.rating, details);
      })),
    ));

  const vote = (thumb: HTMLButtonElement): void => {
    const rating = host.rating === thumb.value ? null : thumb.value;
    void send(rating);
    if (rating && thumb === down && !host.hasAttribute("no-details")) preparePanel().showPopover();
  };

  /** Render once all attributes are set, and the importing module has set up the class. */
  const render = async (): Promise<void> => {
    if (isRendering) return;
    isRendering = true;
    await null;
    isRendering = false;
    if (host.hasAttribute("endpoint")) client();
    group.ariaLabel = textOf(host, "label");
    more.title = textOf(host, "title");
    for (const thumb of [up, down]) {
      const choice = thumb.part.value;
      thumb.title = textOf(host, choice);
      thumb.value = host.getAttribute(choice) ?? choice;
      thumb.ariaPressed = `${host.rating === thumb.value}`;
    }
  };

  return (name?: string, before?: string | null, after?: string | null): void => {
    if (name === "rating") {
      if (!isShowing) known = accepted = host.rating;
    } else if (before !== after) {
      panel?.remove();
      panel = undefined;
      if (name === "message-id" && before) {
        latest = 0;
        say("");
        show((accepted = known));
      }
    }
    void render();
  };
}
