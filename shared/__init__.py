"""The code that all functions share: the pipeline from a webhook to a call of the Cloud Call Center API."""

__version__ = "0.1.0"
