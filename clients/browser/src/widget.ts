/** `<message-feedback>`: thumbs under a chat message, and after a down vote the reasons. */

import type { Client, Feedback } from "./client.js";
import { button, create, icon } from "./elements.js";
import { createPanel } from "./panel.js";
import type { Details } from "./panel.js";
import { sharedClient } from "./shared.js";
import { languages, textAttributes, textOf } from "./texts.js";
import css from "./widget.css";

export type * from "./client.js";
export type { Texts } from "./texts.js";

/** What the widget needs of a client. */
export type FeedbackClient = Pick<Client, "feedback">;

const PENDING_AFTER_MS = 2_000;
const MESSAGE_MS = 6_000;

// The cuff and the hand are apart, so that they are told apart when filled.
const THUMB = "M3,11h3v9H3zM10,11l3-8q2,0,2,2v4h4q2,0,2,2l-1,7q0,2-2,2h-8z";
const NOTE = "M4,5h16v11h-8l-4,4v-4H4z";

// On a server, the module can be imported, and does nothing.
const Base = globalThis.HTMLElement ?? (class {} as typeof HTMLElement);

/** The style sheet that all elements share. */
const sheet = globalThis.CSSStyleSheet && new CSSStyleSheet();
sheet?.replaceSync(css);

export class MessageFeedback extends Base {
  /** The client of all elements that have none of their own. */
  static client: FeedbackClient | undefined;

  /** The texts of each language. Others can be added. */
  static texts = languages;

  static observedAttributes = ["message-id", "rating", "reasons", "up", "down", "lang", ...textAttributes];

  /** The client of this element. Not initialized, so that one set before the upgrade stays. */
  declare client: FeedbackClient | undefined;

  #up = button("up", () => this.#vote(this.#up), icon(THUMB));
  #down = button("down", () => this.#vote(this.#down), icon(THUMB));
  #more = button("more", () => this.#preparePanel(), icon(NOTE));
  #group = create("div part=group role=group", this.#up, this.#down, this.#more);
  #status = create("div part=status role=status popover=manual");
  #panel: HTMLElement | undefined;

  /** The rating that the page knows of. */
  #known: string | null = null;
  /** The rating that the server has, as far as this element knows. */
  #accepted: string | null = null;
  /** Counts the votes, so that the outcome of an older one is not shown. */
  #turn = 0;
  #showing = false;
  #rendering = false;
  #silence = 0;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    root.append(this.#group, this.#status);
  }

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
    void this.#render();
  }

  attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (name === "rating") {
      if (!this.#showing) this.#known = this.#accepted = this.rating;
    } else if (before !== after) {
      this.#panel?.remove();
      this.#panel = undefined;
      if (name === "message-id" && before) {
        this.#turn++;
        this.#say("");
        this.#show((this.#accepted = this.#known));
      }
    }
    void this.#render();
  }

  /** Reflect a rating. None is empty, not absent: so it is noticed when the page removes it. */
  #show(rating: string | null): void {
    this.#showing = true;
    this.rating = rating;
    this.#showing = false;
  }

  /** Render once all attributes are set, and the importing module has set up the class. */
  async #render(): Promise<void> {
    if (this.#rendering) return;
    this.#rendering = true;
    await null;
    this.#rendering = false;
    if (this.hasAttribute("endpoint")) this.#client();
    this.#group.ariaLabel = textOf(this, "label");
    this.#more.title = textOf(this, "title");
    for (const thumb of [this.#up, this.#down]) {
      const choice = thumb.part.value;
      thumb.title = textOf(this, choice);
      thumb.value = this.getAttribute(choice) ?? choice;
      thumb.ariaPressed = `${this.rating === thumb.value}`;
    }
  }

  #client(): FeedbackClient {
    return this.client ?? MessageFeedback.client ?? sharedClient(this);
  }

  #vote(thumb: HTMLButtonElement): void {
    const rating = this.rating === thumb.value ? null : thumb.value;
    void this.#send(rating);
    if (rating && thumb === this.#down && !this.hasAttribute("no-details")) {
      // Focus returns here. Safari does not focus a button that is clicked.
      thumb.focus();
      this.#preparePanel().showPopover();
    }
  }

  /** Send a feedback, and say what becomes of it. */
  async #send(rating: string | null, details?: Details): Promise<void> {
    const feedback: Feedback = { message_id: this.messageId, rating, ...details };
    const turn = ++this.#turn;
    const tell = (name: string, shown = rating): void => {
      if (turn !== this.#turn) return;
      this.#show(shown);
      this.#say(name);
    };
    tell("");
    const late = setTimeout(tell, PENDING_AFTER_MS, "pending");
    this.dispatchEvent(new CustomEvent("feedback", { bubbles: true, composed: true, detail: feedback }));
    try {
      await this.#client().feedback(feedback);
      if (turn === this.#turn) this.#accepted = rating;
      tell(rating ? "thanks" : "withdrawn");
    } catch {
      tell("failed", this.#accepted);
    }
    clearTimeout(late);
  }

  /** Show and announce a text for a while. */
  #say(name: string): void {
    this.toggleAttribute("pending", name === "pending");
    this.#status.textContent = name && textOf(this, name);
    if (this.isConnected) this.#status.togglePopover(true);
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#status.replaceChildren(), MESSAGE_MS);
  }

  /** Make the panel for its first use. What was typed stays in it. */
  #preparePanel(): HTMLElement {
    return (this.#panel ??= this.shadowRoot!.appendChild(
      (this.#more.popoverTargetElement = createPanel(this, (details) => void this.#send(this.rating, details))),
    ));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "message-feedback": MessageFeedback;
  }
  interface HTMLElementEventMap {
    feedback: CustomEvent<Feedback>;
  }
}

// Another copy of this module may have been here first.
const registry = globalThis.customElements;
if (!registry?.get("message-feedback")) registry?.define("message-feedback", MessageFeedback);
