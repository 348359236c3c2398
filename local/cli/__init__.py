"""What the commands share: their command lines, the callers file as an option, secrets of the shell."""
