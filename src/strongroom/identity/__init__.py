"""Who calls: from a signed request to a proven principal."""
