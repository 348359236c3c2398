// The console's endpoints.

const ROOT = "/_console/";

export class Refused extends Error {}

export async function read(name) {
  return decoded(await fetch(ROOT + name));
}

export async function write(name, fields) {
  const headers = { "Content-Type": "application/json" };
  return decoded(await fetch(ROOT + name, { method: "POST", headers, body: JSON.stringify(fields) }));
}

async function decoded(answer) {
  const value = await answer.json();
  if (!answer.ok) throw new Refused(value.error);
  return value;
}
