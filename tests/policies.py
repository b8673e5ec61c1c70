"""Key policies for tests that are not about policies."""

import json

_OWN = {"StringEquals": {"aws:PrincipalAccount": "${aws:ResourceAccount}"}}


def open_policy(name: str = "open") -> str:
    """A policy that lets everybody in the key's account do everything; ``name`` tells it from others."""
    statement = {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*", "Condition": _OWN}
    return json.dumps({"Version": "2012-10-17", "Id": name, "Statement": [statement]})


def name_of(document: str) -> str:
    """The name that ``open_policy`` was given."""
    return str(json.loads(document)["Id"])
