// What was chosen by the toggles, kept by the browser; where nothing was, what the browser itself prefers.

export function kept(name) {
  try {
    return localStorage.getItem(`mute-call.${name}`);
  } catch {
    return null; // storage is switched off
  }
}

export function keep(name, value) {
  try {
    localStorage.setItem(`mute-call.${name}`, value);
  } catch {
    // For this visit only.
  }
}
