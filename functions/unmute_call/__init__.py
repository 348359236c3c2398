"""unmute-call: unmutes a channel of a call."""
