"""`python -m local.send`: sends a webhook as one of the callers would, with the credential of its scheme."""
