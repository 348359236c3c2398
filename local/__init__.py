"""Tools that run on a developer's machine and are never deployed."""
