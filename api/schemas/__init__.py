"""The documents that the API gives out and reads."""
