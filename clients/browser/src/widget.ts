/** `<message-feedback>`: thumbs under a chat message, and after a down vote the reasons. */

import type { Client, Feedback } from "./client.js";
import { languages, textAttributes } from "./texts.js";
import { createThumbs } from "./thumbs.js";

export type * from "./client.js";
export type { Texts } from "./texts.js";

/** What the widget needs of a client. */
export type FeedbackClient = Pick<Client, "feedback">;

// On a server, the module can be imported, and does nothing.
const Base = globalThis.HTMLElement ?? (class {} as typeof HTMLElement);

export class MessageFeedback extends Base {
  /** The client of all elements that have none of their own. */
  static client: FeedbackClient | undefined;

  /** The texts of each language. Others can be added. */
  static texts = languages;

  static observedAttributes = ["message-id", "rating", "reasons", "up", "down", "lang", ...textAttributes];

  /** The client of this element. Not initialized, so that one set before the upgrade stays. */
  declare client: FeedbackClient | undefined;

  #change = createThumbs(this);

  get messageId(): string {
    return this.getAttribute("message-id") ?? "";
  }

  set messageId(value: string) {
    this.setAttribute("message-id", value);
  }

  get rating(): string | null {
    return this.getAttribute("rating") || null;
  }

  set rating(value: string | null) {
    this.setAttribute("rating", value ?? "");
  }

  connectedCallback(): void {
    // Properties that were set before the upgrade hide the setters.
    const own: Partial<this> = { ...this };
    for (const name in own) delete (this as Partial<this>)[name];
    Object.assign(this, own);
    this.#change();
  }

  attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    this.#change(name, before, after);
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "message-feedback": MessageFeedback;
  }
  interface GlobalEventHandlersEventMap {
    feedback: CustomEvent<Feedback>;
  }
}

// Another copy of this module may have been here first.
const registry = globalThis.customElements;
if (!registry?.get("message-feedback")) registry?.define("message-feedback", MessageFeedback);
