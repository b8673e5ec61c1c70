"""Tests of the operations of AWS KMS, on a real core in the process."""
