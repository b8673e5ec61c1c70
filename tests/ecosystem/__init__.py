"""Tests of ecosystem."""
