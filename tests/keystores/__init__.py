"""Tests of keystores."""
