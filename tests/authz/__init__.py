"""Tests of authz."""
