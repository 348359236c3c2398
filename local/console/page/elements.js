// Elements made of text: never of markup.

const SVG = "http://www.w3.org/2000/svg";

export const find = (id) => document.getElementById(id);

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

export function icon(name) {
  const made = document.createElementNS(SVG, "svg");
  made.setAttribute("class", "icon");
  made.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#${name}`);
  made.append(use);
  return made;
}

let waiting = [];

// What happens at once is told at once: the second text would else take the place of the first unheard.
export function announce(text) {
  waiting.push(text);
  queueMicrotask(() => {
    if (waiting.length) find("announcement").textContent = waiting.join(" · ");
    waiting = [];
  });
}
