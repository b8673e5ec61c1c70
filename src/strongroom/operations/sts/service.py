"""The service: its API, and where it is."""

from strongroom.operations.query import query
from strongroom.operations.table import Service

STS = Service(
    "sts",
    "sts.amazonaws.com",
    protocol=query("https://sts.amazonaws.com/doc/2011-06-15/", failure="InternalFailure"),
    version="2011-06-15",
    # Where clients that know no Region sign for its global endpoint.
    home_regions=frozenset({"us-east-1"}),
)
