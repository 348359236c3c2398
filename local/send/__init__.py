"""`python -m local.send`: sends a webhook as one of the callers, with the credential of its scheme."""
