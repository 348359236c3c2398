"""mute-call: mutes a channel of a call."""
