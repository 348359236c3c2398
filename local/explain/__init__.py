"""`python -m local.explain`: shows what a function does with an event, without calling anything."""
