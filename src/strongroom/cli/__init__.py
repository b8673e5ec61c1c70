"""The ``strongroom`` program."""
