"""Tests of strongroom.operations.iam."""
