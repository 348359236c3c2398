"""How outcomes become responses."""
