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
  wrong: "Wrong",
  outdated: "Outdated",
  incomplete: "Incomplete",
  unhelpful: "Not helpful",
  harmful: "Harmful",
};

export type Texts = typeof english;

const german: Partial<Texts> = {
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
  unhelpful: "Nicht hilfreich",
  harmful: "Schädlich",
};

/** The texts of each language, and the labels of reasons that an application adds. */
export type Languages = Record<string, Partial<Texts> & Record<string, string>>;

export const languages: Languages = { en: english, de: german };

export const textAttributes = Object.keys(english).map((name) => `text-${name}`);

/** Return a text in the language of an element, unless its attribute `text-…` has another. */
export function textOf(element: Element, name: string): string {
  const { lang } = element.closest<HTMLElement>("[lang]") ?? document.documentElement;
  const texts = { ...languages.en, ...(languages[lang] ?? languages[lang.slice(0, 2)]) };
  return element.getAttribute(`text-${name}`) ?? texts[name] ?? name;
}
