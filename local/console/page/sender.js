// The form: a test webhook as any caller of the file.

import { attempt, read, write } from "./api.js";
import { element, find } from "./elements.js";
import { t } from "./language.js";

// What was typed for a caller, by its name.
const drafts = new Map();
let callers = [];
let sending = false;

export function startSender(onSent) {
  find("caller").addEventListener("change", choose);
  find("payload").addEventListener("input", () => drafts.set(find("caller").value, find("payload").value));
  find("send").addEventListener("submit", (event) => {
    event.preventDefault();
    if (!sending) send(onSent);
  });
}

export function loadCallers() {
  return attempt(async () => {
    callers = await read("callers");
    const chosen = find("caller").value;
    find("caller").replaceChildren(
      ...callers.map(({ name, scheme }) => element("option", { value: name }, `${name} (${scheme})`)),
    );
    if (callers.some(({ name }) => name === chosen)) find("caller").value = chosen;
    tell("");
    choose();
  }, tell);
}

function choose() {
  const { name, payload, hindrance } = callers.find(({ name }) => name === find("caller").value);
  find("payload").value = drafts.get(name) ?? payload;
  find("hindrance").hidden = hindrance === null;
  find("hindrance").textContent = hindrance ?? "";
}

async function send(onSent) {
  tell("");
  showSending(true);
  try {
    await attempt(async () => {
      const { number } = await write("send", { caller: find("caller").value, payload: find("payload").value });
      await onSent(number);
    }, tell);
  } finally {
    showSending(false);
  }
}

// Not `disabled`, which would take the focus away.
function showSending(now) {
  sending = now;
  const button = find("send-button");
  button.setAttribute("aria-disabled", String(now));
  button.dataset.text = now ? "sending" : "send";
  button.textContent = now ? t("sending") : t("send");
}

function tell(text) {
  find("send-error").textContent = text;
}
