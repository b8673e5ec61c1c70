"""Tests of dev mode's own operations, through the endpoint of a worker."""
