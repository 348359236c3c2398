// The form: a test webhook as any caller of the file.

import { read, Refused, write } from "./api.js";
import { element, find } from "./elements.js";

let callers = [];

export async function startSender(onSent) {
  find("caller").addEventListener("change", choose);
  find("send").addEventListener("submit", (event) => {
    event.preventDefault();
    send(onSent);
  });
  try {
    callers = await read("callers");
  } catch (error) {
    tell(error);
  }
  find("caller").replaceChildren(
    ...callers.map(({ name, scheme }) => element("option", { value: name }, `${name} (${scheme})`)),
  );
  if (callers.length) choose();
}

function choose() {
  const { payload, hindrance } = callers.find(({ name }) => name === find("caller").value);
  find("payload").value = payload;
  find("hindrance").hidden = hindrance === null;
  find("hindrance").textContent = hindrance ?? "";
}

async function send(onSent) {
  find("send-error").textContent = "";
  try {
    const { number } = await write("send", { caller: find("caller").value, payload: find("payload").value });
    await onSent(number);
  } catch (error) {
    tell(error);
  }
}

// Whatever else fails shows as being offline.
function tell(error) {
  if (error instanceof Refused) find("send-error").textContent = error.message;
}
