// A small chat: each answer has a widget below it, and each question is an event.

import { createClient } from "../dist/client.js";
import { MessageFeedback } from "../dist/widget.js";

const endpoint = document.querySelector('meta[name="endpoint"]').content || location.origin;
const client = createClient({ endpoint });
MessageFeedback.client = client;

const CONVERSATION = [
  ["What changed in the EU's AI Act this month?", "The obligations for general-purpose models now apply to models that were on the market before August 2025. Providers must publish a summary of the training content."],
  ["Summarize today's news on chips in one sentence.", "Two foundries announced higher prices for 3 nm wafers, and memory makers expect the shortage to last into next year."],
  ["Who won the match last night?", "I could not find a match that was played last night. The latest result I know of is from last Sunday."],
];
const ANSWERS = [
  "Here is what I found: three sources report it, and two of them name the same figures.",
  "That is disputed. The ministry denies it, and the report that started it was corrected yesterday.",
  "Nothing new since this morning. I will keep an eye on it.",
];

const messages = document.querySelector("#messages");
const composer = document.querySelector("#composer");
let asked = 0;

function add(kind, text, messageId) {
  const item = document.createElement("li");
  item.className = kind;
  item.append(Object.assign(document.createElement("p"), { textContent: text }));
  if (messageId) item.append(Object.assign(document.createElement("message-feedback"), { messageId }));
  messages.append(item);
}

function answer(question) {
  const text = ANSWERS[asked++ % ANSWERS.length];
  const messageId = crypto.randomUUID();
  add("answer", text, messageId);
  messages.parentElement.scrollTop = messages.scrollHeight;
  client.track("question_asked", { message_id: messageId, length: question.length });
}

composer.addEventListener("submit", (event) => {
  event.preventDefault();
  const question = new FormData(composer).get("question").trim();
  if (!question) return;
  composer.reset();
  add("question", question);
  setTimeout(answer, 400, question);
});

CONVERSATION.forEach(([question, text], index) => {
  add("question", question);
  add("answer", text, `example-${index + 1}`);
});
client.track("page_view", { page: "/chat" });
