"""Strongroom: the AWS KMS API on your own machines."""
