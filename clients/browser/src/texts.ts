/** What the widget says, in English and German. */

const english = {
  label: "Feedback",
  up: "Good answer",
  down: "Bad answer",
  title: "What was wrong?",
  comment: "Comment",
  send: "Send",
  thanks: "Thank you.",
  withdrawn: "Rating removed.",
  pending: "Saved. Will be sent when the connection is back.",
  failed: "Not accepted.",
};

const german = {
  label: "Feedback",
  up: "Gute Antwort",
  down: "Schlechte Antwort",
  title: "Was war falsch?",
  comment: "Kommentar",
  send: "Senden",
  thanks: "Danke.",
  withdrawn: "Bewertung entfernt.",
  pending: "Gespeichert. Wird später gesendet.",
  failed: "Nicht angenommen.",
  wrong: "Falsch",
  outdated: "Veraltet",
  incomplete: "Unvollständig",
  harmful: "Schädlich",
};

/** The texts of a language, with the labels of reasons. */
export type Texts = typeof english & Record<string, string>;

export const languages: Record<string, Partial<Texts>> = { en: english, de: german };

export const textAttributes = Object.keys(german).map((name) => `text-${name}`);

/** Return a text in the language of an element, unless its attribute `text-…` has another. */
export function textOf(element: Element, name: string): string {
  const { lang } = element.closest<HTMLElement>("[lang]") ?? document.documentElement;
  const texts = { ...english, ...languages[lang.slice(0, 2)] } as Texts;
  const text = element.getAttribute(`text-${name}`) ?? texts[name];
  return text ?? name.replace(/./, (first) => first.toUpperCase());
}
