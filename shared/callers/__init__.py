"""The callers file, its secrets, and the authentication schemes."""
