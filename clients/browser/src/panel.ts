/** The panel that asks for reasons and a comment. */

import type { Feedback } from "./client.js";
import { button, create } from "./elements.js";
import { textOf } from "./texts.js";

export type Details = Pick<Feedback, "reasons" | "comment">;

const REASONS = "wrong,outdated,incomplete,harmful";

/** Create a panel, which calls `finish` with what is to be sent, or without. */
export function createPanel(host: Element, finish: (details?: Details) => void): HTMLElement {
  const choices = host.getAttribute("reasons") ?? REASONS;
  const reasons = !choices ? [] : choices.split(",").map((choice) => {
    const [value, label = textOf(host, value)] = choice.trim().split("=") as [string, string?];
    const toggle = button("reason", () => (toggle.ariaPressed = `${toggle.ariaPressed !== "true"}`), label);
    toggle.ariaPressed = "false";
    toggle.value = value;
    return toggle;
  });
  // The server accepts 4,000 characters.
  const comment = create("textarea part=comment maxlength=4000") as HTMLTextAreaElement;
  const submit = button("send", () => {
    const pressed = reasons.filter((each) => each.ariaPressed === "true");
    finish({ reasons: pressed.map((each) => each.value), comment: comment.value.trim() || undefined! });
  }, textOf(host, "send"));
  const panel = create(
    "div part=panel popover=auto role=dialog aria-labelledby=title tabindex=-1 autofocus=",
    create("b part=title id=title", textOf(host, "title")),
    create("div part=reasons", ...reasons),
    create("label", textOf(host, "comment"), comment),
    submit,
  );
  panel.onkeydown = (event) => {
    // What is typed here is no shortcut of the page, which sees the host as the target.
    event.stopPropagation();
    if (event.key === "Escape") {
      event.preventDefault();
      finish();
    }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      // Else Firefox and WebKit press the thumb, which has the focus by then.
      event.preventDefault();
      submit.click();
    }
  };
  return panel;
}
