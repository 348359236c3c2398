"""Examines whether the function can work: what is here, and, with an account's credentials, what is there."""
