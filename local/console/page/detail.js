// One delivery: its steps, the answer, the log line.

import { attempt, read } from "./api.js";
import { focusRow, markSelected } from "./deliveries.js";
import { element, find, icon } from "./elements.js";
import { clock, t, translated } from "./language.js";

let shown = null;

export function startDetail() {
  find("close-detail").addEventListener("click", close);
  find("detail").addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });
}

export function openDetail(number, { focus = true } = {}) {
  return attempt(async () => {
    shown = await read(`deliveries/${number}`);
    drawDetail();
    markSelected(number);
    if (focus) find("detail-title").focus();
  }, hideDetail);
}

// What is listed no longer is not shown either.
export function keepDetail(deliveries) {
  if (shown === null || deliveries.some(({ number }) => number === shown.number)) return;
  if (find("detail").contains(document.activeElement)) focusRow(null);
  hideDetail();
}

export function drawDetail() {
  if (shown === null) return;
  find("detail").hidden = false;
  find("detail-title").textContent = t("detail", { n: shown.number, time: clock(shown.time) });
  find("changed").hidden = !shown.changed;
  find("steps").replaceChildren(...[...shown.steps, ...ending(shown)].map(item));
  find("answer").textContent = answerText(shown);
  find("log").textContent = shown.log.map((line) => JSON.stringify(line, null, 1).replace(/\n */g, " ")).join("\n") || t("no_log_line");
}

export function hideDetail() {
  shown = null;
  find("detail").hidden = true;
  markSelected(null);
}

function close() {
  const number = shown?.number;
  hideDetail();
  focusRow(number);
}

// What happened after the last step that can be explained without a call: the log line says it.
function ending({ steps, log, code, changed, failed }) {
  const line = log.find((each) => each.event === "webhook");
  if (changed) return [{ name: "outcome", passed: !failed, reason: line?.reason, code }];
  if (steps.some((step) => !step.passed)) return [];
  if (!line) return steps.length ? [] : [{ name: "gateway", passed: code === null, told: t("refused_before"), code }];
  if (line.replayed) return [{ name: "replay", passed: true, told: t("not_called_again") }];
  const passed = line.upstream_code === "OK";
  if (line.attempts === 0) return line.reason ? [{ name: "claim", passed: false, reason: line.reason, code }] : [];
  const attempts = line.attempts > 1 && t("attempts", { n: line.attempts });
  const called = [line.upstream_code, attempts, `${line.upstream_ms} ms`];
  return [{ name: "call", passed, reason: line.reason, told: called.filter(Boolean).join(" · "), code }];
}

// `told` is in the language of the page, `found` and `reason` are the function's own words.
function item(step) {
  const made = element("li", { className: step.passed ? "passed" : "failed" }, icon(step.passed ? "passed" : "failed"));
  const words = element("div", {}, element("strong", {}, translated(`step.${step.name}`, step.name)));
  words.append(element("span", { className: "unseen" }, ` ${step.passed ? t("passed") : t("failed")} `));
  const own = step.passed ? step.found : step.reason;
  if (own) words.append(element("span", { className: "found", lang: "en" }, own));
  if (step.told) words.append(element("span", { className: "found" }, step.told));
  if (!step.passed) words.append(element("code", {}, step.code));
  made.append(words);
  return made;
}

function answerText({ answer }) {
  const headers = Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}`);
  const body = Object.keys(answer.body).length ? ["", JSON.stringify(answer.body, null, 2)] : [];
  return [`HTTP ${answer.status}`, ...headers, ...body].join("\n");
}
