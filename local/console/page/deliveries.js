// The list of deliveries, newest first.

import { announce, element, find } from "./elements.js";
import { clock, t } from "./language.js";

const rows = new Map();
let newest = null;
let selected = null;
let select = () => {};

export function startDeliveries(onSelect) {
  select = onSelect;
}

export function drawDeliveries(deliveries) {
  const body = find("deliveries");
  const kept = new Set(deliveries.map((delivery) => delivery.number));
  for (const [number, row] of rows) {
    if (kept.has(number)) continue;
    if (row.contains(document.activeElement)) focusTitle();
    row.remove();
    rows.delete(number);
  }
  // A row is made once, so that the focus stays where it is.
  for (const delivery of deliveries.filter((each) => !rows.has(each.number)).reverse()) {
    rows.set(delivery.number, rowOf(delivery));
    body.prepend(rows.get(delivery.number));
  }
  find("deliveries-region").hidden = deliveries.length === 0;
  find("no-deliveries").hidden = deliveries.length > 0;
  tellNewest(deliveries[0]);
}

export function redrawDeliveries(deliveries) {
  rows.clear();
  find("deliveries").replaceChildren();
  drawDeliveries(deliveries);
  markSelected(selected);
}

export function markSelected(number) {
  selected = number;
  for (const [each, row] of rows) {
    row.classList.toggle("selected", each === number);
    row.querySelector("button").setAttribute("aria-expanded", String(each === number));
  }
}

// Where the row is gone the title takes its place: the focus must not begin anew at the top of the page.
export function focusRow(number) {
  if (rows.has(number)) rows.get(number).querySelector("button").focus();
  else focusTitle();
}

function focusTitle() {
  find("deliveries-title").focus();
}

function tellNewest(delivery) {
  const last = find("last");
  last.hidden = !delivery;
  if (delivery) {
    find("last-code").textContent = delivery.code ?? delivery.status;
    find("last-code").dataset.failed = delivery.failed;
    find("last-ms").textContent = `${delivery.ms.toFixed(1)} ms`;
  }
  // Not what was there before the page.
  if (delivery && newest !== null && delivery.number > newest) {
    announce(t("delivered", { caller: callerOf(delivery), code: delivery.code ?? delivery.status }));
    const [toFunction, toCcc] = document.querySelectorAll(".way");
    pulse(toFunction, delivery.failed);
    if (delivery.attempts > 0) pulse(toCcc, delivery.failed);
  }
  newest = delivery?.number ?? newest ?? 0;
}

function pulse(way, failed) {
  way.classList.remove("pulse");
  way.dataset.failed = failed;
  void way.offsetWidth; // begins the animation anew
  way.classList.add("pulse");
}

function rowOf(delivery) {
  const time = element("button", { type: "button", className: "link" }, clock(delivery.time));
  time.setAttribute("aria-expanded", "false");
  time.setAttribute("aria-controls", "detail");
  const code = element("span", { className: "chip" }, delivery.code ?? "–");
  code.dataset.failed = delivery.failed;
  const marks = [code];
  if (delivery.attempts > 1) marks.push(element("span", { className: "mark" }, t("attempts", { n: delivery.attempts })));
  if (delivery.replayed) marks.push(element("span", { className: "mark" }, t("replayed")));
  const row = element(
    "tr",
    {},
    element("td", {}, time),
    element("td", { className: delivery.caller ? "" : "hint" }, callerOf(delivery)),
    element("td", {}, element("div", { className: "marks" }, ...marks)),
    element("td", { className: "number" }, delivery.direct ? t("direct") : delivery.status),
    element("td", { className: "number" }, delivery.ms.toFixed(1)),
  );
  row.addEventListener("click", () => select(delivery.number));
  return row;
}

// Where no log line tells it, or the request was refused before anybody looked, nothing is known of the caller.
function callerOf(delivery) {
  return delivery.caller ?? (delivery.code === "unauthorized" ? t("unknown_caller") : "–");
}
