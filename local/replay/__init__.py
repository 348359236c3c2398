"""`python -m local.replay`: sends dead letters again, signed again."""
