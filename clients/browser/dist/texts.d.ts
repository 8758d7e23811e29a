/** What the widget says, in English and German. */
declare const english: {
    label: string;
    up: string;
    down: string;
    title: string;
    comment: string;
    send: string;
    thanks: string;
    withdrawn: string;
    pending: string;
    failed: string;
};
/** The texts of a language, with the labels of reasons. */
export type Texts = typeof english & Record<string, string>;
export declare const languages: Record<string, Partial<Texts>>;
export declare const textAttributes: string[];
/** Return a text in the language of an element, unless its attribute `text-…` has another. */
export declare function textOf(element: Element, name: string): string;
export {};
