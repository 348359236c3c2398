"""`python -m local.explain`: shows what a function makes of an event, without calling anything."""
