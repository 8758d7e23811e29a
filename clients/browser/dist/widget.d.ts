/** `<message-feedback>`: thumbs under a chat message, and after a down vote the reasons. */
import type { Client, Feedback } from "./client.js";
export type * from "./client.js";
export type { Texts } from "./texts.js";
/** What the widget needs of a client. */
export type FeedbackClient = Pick<Client, "feedback">;
declare const Base: {
    new (): HTMLElement;
    prototype: HTMLElement;
};
export declare class MessageFeedback extends Base {
    #private;
    /** The client of all elements that have none of their own. */
    static client: FeedbackClient | undefined;
    /** The texts of each language. Others can be added. */
    static texts: Record<string, Partial<import("./texts.js").Texts>>;
    static observedAttributes: string[];
    /** The client of this element. Not initialized, so that one set before the upgrade stays. */
    client: FeedbackClient | undefined;
    get messageId(): string;
    set messageId(value: string);
    get rating(): string | null;
    set rating(value: string | null);
    connectedCallback(): void;
    attributeChangedCallback(name: string, before: string | null, after: string | null): void;
}
declare global {
    interface HTMLElementTagNameMap {
        "message-feedback": MessageFeedback;
    }
    interface GlobalEventHandlersEventMap {
        feedback: CustomEvent<Feedback>;
    }
}
