"""How an outcome is told."""
