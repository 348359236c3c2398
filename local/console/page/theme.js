// Light or dark.

import { find } from "./elements.js";
import { keep, kept } from "./preferences.js";

const root = document.documentElement;

export function startTheme() {
  const chosen = kept("theme");
  if (chosen) root.dataset.theme = chosen;
  find("theme-toggle").addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    keep("theme", root.dataset.theme);
  });
}

function isDark() {
  return root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}
