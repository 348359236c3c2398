"""One folder per deployed function."""
