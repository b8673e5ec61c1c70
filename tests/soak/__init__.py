"""The hard tests of the running service: kills, durability, tampering, bytes from strangers."""
