"""Checks whether the function can work: on this machine and, with credentials, over the network."""
