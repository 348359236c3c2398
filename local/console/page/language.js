// The texts of the page, in the language of the browser or the one that was chosen.

import { read } from "./api.js";
import { find } from "./elements.js";
import { keep, kept } from "./preferences.js";

let tables = {};
let language = "en";

export async function loadTexts() {
  tables = await read("texts.json");
}

export function startLanguage(redraw) {
  const wanted = [kept("language"), ...navigator.languages.map((tag) => tag.split("-")[0])];
  use(wanted.find((name) => name in tables) ?? "en");
  find("language").addEventListener("click", () => {
    use(Object.keys(tables).find((name) => name !== language));
    keep("language", language);
    redraw();
  });
}

export function t(key, values = {}) {
  const text = tables[language][key];
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

// The function's own words, where a table has no translation of them.
export const translated = (key, otherwise) => tables[language][key] ?? otherwise;

export const clock = (time) => new Date(time).toLocaleTimeString(language, { hour12: false });

function use(name) {
  language = name;
  document.documentElement.lang = name === "zh" ? "zh-CN" : name;
  for (const each of document.querySelectorAll("[data-text]")) each.textContent = t(each.dataset.text);
  for (const each of document.querySelectorAll("[data-label]")) each.ariaLabel = t(each.dataset.label);
  find("language").lang = name === "zh" ? "en" : "zh-CN";
}
