"""The one error of this package."""


class PackageError(Exception):
    """The package cannot be built; the text is for whoever ran the command, and says what to do where that is known."""
