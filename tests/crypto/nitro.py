"""Real data of AWS (tests/vectors/nitro/ORIGIN)."""

import base64
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "vectors" / "nitro"


def vector(name: str) -> bytes:
    """The bytes of a vector; those kept as base64 are decoded."""
    content = (FOLDER / name).read_bytes()
    return base64.b64decode(content) if name.endswith(".b64") else content
