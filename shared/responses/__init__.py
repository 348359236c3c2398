"""Turns outcomes into responses."""
