// Wires the parts, and asks twice a second what has changed, while the page can be seen.

import { attempt, isOffline, read, tellOnline } from "./api.js";
import { drawCall } from "./call.js";
import { drawDeliveries, redrawDeliveries, startDeliveries } from "./deliveries.js";
import { drawDetail, hideDetail, keepDetail, openDetail, startDetail } from "./detail.js";
import { drawPending, startFaults } from "./faults.js";
import { loadTexts, startLanguage } from "./language.js";
import { loadCallers, startSender } from "./sender.js";
import { startTheme } from "./theme.js";

const INTERVAL_MS = 500;
let state = { channels: [], pending_faults: 0, deliveries: [] };
let drawn = "";
let begun = false;

// Without its texts the page stays as it was loaded, in English.
async function begin() {
  await loadTexts();
  begun = true;
  startLanguage(() => {
    draw(redrawDeliveries);
    drawDetail();
  });
  startDetail();
  startDeliveries(openDetail);
  startFaults(refresh, hideDetail);
  startSender(async (number) => {
    await refresh();
    if (number !== null) await openDetail(number, { focus: false });
  });
  await refresh();
  await loadCallers();
}

async function refresh() {
  state = await read("state");
  const wasOffline = isOffline();
  tellOnline();
  // `make run` may be another one, with other callers.
  if (wasOffline) await loadCallers();
  keepDetail(state.deliveries);
  const text = JSON.stringify(state);
  if (text === drawn) return;
  drawn = text;
  draw(drawDeliveries);
}

function draw(drawRows) {
  drawCall(state.channels);
  drawRows(state.deliveries);
  drawPending(state.pending_faults);
}

async function poll() {
  if (!document.hidden) await attempt(begun ? refresh : begin);
  setTimeout(poll, INTERVAL_MS);
}

startTheme();
poll();
