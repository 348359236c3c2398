"""Shared parts of the commands: command lines, the callers file as an option, secrets of the shell."""
