"""Who may call: the callers file, its secrets, and the schemes by which callers prove themselves."""
