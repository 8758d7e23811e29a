/** Elements without HTML strings, which a page with Trusted Types refuses. */

const SVG = "http://www.w3.org/2000/svg";

/** Create an element from its start tag, such as `div part=title`, and children. */
export function create(tag: string, ...children: (Node | string)[]): HTMLElement {
  const [name, ...attributes] = tag.split(" ") as [string, ...string[]];
  const element = /svg|path/.test(name) ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const each of attributes) element.setAttribute(...(each.split("=") as [string, string]));
  element.append(...children);
  return element as HTMLElement;
}

/** Create a button. */
export function button(part: string, onClick: () => void, ...children: (Node | string)[]): HTMLButtonElement {
  const element = create(`button part=${part}`, ...children) as HTMLButtonElement;
  element.onclick = onClick;
  return element;
}

/** Draw a path of 24 by 24 units. */
export function icon(path: string): HTMLElement {
  return create("svg viewBox=0,0,24,24", create(`path d=${path}`));
}
