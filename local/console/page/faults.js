// The simulator's faults, its microphones, and starting over.

import { attempt, write } from "./api.js";
import { announce, find } from "./elements.js";
import { t } from "./language.js";

export function startFaults(refresh, onReset) {
  for (const button of document.querySelectorAll("[data-fault]")) {
    onClick(button, async () => {
      await write("faults", { fault: button.dataset.fault });
      await refresh();
      announce(t("fault_added", { fault: button.textContent }));
    });
  }
  onClick(find("unmute"), async () => {
    await write("unmute", {});
    await refresh();
  });
  onClick(find("reset"), async () => {
    await write("reset", {});
    onReset();
    await refresh();
    announce(t("started_over"));
  });
}

export function drawPending(count) {
  find("pending").textContent = count;
}

function onClick(button, task) {
  button.addEventListener("click", () => {
    tell("");
    attempt(task, tell);
  });
}

function tell(text) {
  find("fault-error").textContent = text;
}
