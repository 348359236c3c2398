// The picture of the call: each party, and whether its microphone is on.

import { announce, element, find, icon } from "./elements.js";
import { t } from "./language.js";

let shown = null;

export function drawCall(channels) {
  const agent = channels.find((channel) => channel.party === "agent");
  const before = shown?.find((channel) => channel.party === "agent");
  if (before && agent && before.muted !== agent.muted) announce(agent.muted ? t("agent_off") : t("agent_on"));
  shown = channels;
  find("channels").replaceChildren(...channels.map(party));
}

function party(channel) {
  const name = channel.party === "agent" ? t("agent") : t("customer");
  const microphone = element("p", { className: "microphone" });
  microphone.append(
    icon(channel.muted ? "microphone-off" : "microphone"),
    channel.muted ? t("microphone_off") : t("microphone_on"),
  );
  const made = element("div", { className: "party" }, element("span", { className: "face" }, icon(channel.party)));
  made.append(element("h3", {}, name), microphone);
  made.dataset.party = channel.party;
  made.dataset.muted = channel.muted;
  return made;
}
