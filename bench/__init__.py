"""Measurements of the service beside its limits."""
