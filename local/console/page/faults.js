// The simulator's faults, and starting over.

import { write } from "./api.js";
import { announce, find } from "./elements.js";
import { t } from "./language.js";

export function startFaults(refresh, onReset) {
  for (const button of document.querySelectorAll("[data-fault]")) {
    button.addEventListener("click", async () => {
      await write("faults", { fault: button.dataset.fault });
      await refresh();
      announce(t("fault_added", { fault: button.textContent }));
    });
  }
  find("reset").addEventListener("click", async () => {
    await write("reset", {});
    onReset();
    await refresh();
    announce(t("started_over"));
  });
}

export function drawPending(count) {
  find("pending").textContent = count;
}
