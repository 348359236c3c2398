"""What Function Compute passes: the event and the context."""
