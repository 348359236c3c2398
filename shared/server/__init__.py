"""The function as a web server, on a custom runtime."""
