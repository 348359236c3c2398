// Wires the parts, and asks twice a second what has changed, while the page can be seen.

import { read } from "./api.js";
import { drawCall } from "./call.js";
import { drawDeliveries, redrawDeliveries, startDeliveries } from "./deliveries.js";
import { drawDetail, hideDetail, openDetail, startDetail } from "./detail.js";
import { find } from "./elements.js";
import { drawPending, startFaults } from "./faults.js";
import { startLanguage } from "./language.js";
import { startSender } from "./sender.js";
import { startTheme } from "./theme.js";

const INTERVAL_MS = 500;
let state = { channels: [], pending_faults: 0, deliveries: [] };
let drawn = "";

async function refresh() {
  try {
    state = await read("state");
    find("offline").hidden = true;
  } catch {
    find("offline").hidden = false;
    return;
  }
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
  if (!document.hidden) await refresh();
  setTimeout(poll, INTERVAL_MS);
}

startTheme();
await startLanguage(() => {
  draw(redrawDeliveries);
  drawDetail();
});
startDetail();
startDeliveries(openDetail);
startFaults(refresh, hideDetail);
poll();
await startSender(async (number) => {
  await refresh();
  await openDetail(number, { focus: false });
});
