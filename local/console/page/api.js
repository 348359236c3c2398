// The console's endpoints.

import { find } from "./elements.js";

const ROOT = "/_console/";
const PATIENCE_MS = 3000;

export class Refused extends Error {}
class Unreachable extends Error {}

export function read(name) {
  return ask(name, { signal: AbortSignal.timeout(PATIENCE_MS) });
}

// What takes longer than a moment, sending, is ended by the console.
export function write(name, fields) {
  const headers = { "Content-Type": "application/json" };
  return ask(name, { method: "POST", headers, body: JSON.stringify(fields) });
}

// Runs what asks the console for something; a refusal is told to whom it concerns, no answer at all to everybody.
export async function attempt(task, tell = tellOffline) {
  try {
    await task();
  } catch (error) {
    if (error instanceof Refused) tell(error.message);
    else if (error instanceof Unreachable) tellOffline();
    else throw error;
  }
}

export const isOffline = () => !find("offline").hidden;

export function tellOnline() {
  find("offline").hidden = true;
}

function tellOffline() {
  find("offline").hidden = false;
}

async function ask(name, options) {
  let answer, value;
  try {
    answer = await fetch(ROOT + name, options);
    value = await answer.json();
  } catch {
    throw new Unreachable();
  }
  if (!answer.ok) throw new Refused(value.error);
  return value;
}
