"""Faults: names, status codes and bodies as AWS sends them."""

from typing import Any

import pytest
from botocore.loaders import Loader

from strongroom.model import errors
from strongroom.model.errors import Fault

SHAPES: dict[str, Any] = {
    name: shape
    for service in ("iam", "sts", "kms")
    for name, shape in Loader().load_service_model(service, "service-2")["shapes"].items()
}
DECLARED = {name: shape for name, shape in SHAPES.items() if shape.get("exception")}
OWN = {name: item for name, item in vars(errors).items() if isinstance(item, type) and issubclass(item, Fault)}
FAULTS = {name: item for name, item in OWN.items() if item is not Fault}

# AWS KMS API Reference, "Common Errors": what every AWS service may answer.
FRAMEWORK = {
    "UnknownOperationException": 400,
    "SerializationException": 400,
    "ValidationException": 400,
    "MissingAuthenticationTokenException": 400,
    "IncompleteSignatureException": 400,
    "InvalidSignatureException": 400,
    "UnrecognizedClientException": 400,
    "AccessDeniedException": 400,
    "ThrottlingException": 400,
}


@pytest.mark.parametrize("name", sorted(FAULTS.keys() - FRAMEWORK.keys()))
def test_a_fault_of_a_service_is_declared_by_its_model(name: str) -> None:
    """Its name is in a model; it is the service's fault, 500, exactly where the model says so, else 400.

    The status is that of the JSON protocol; the Query protocol has a table of its own.
    """
    assert FAULTS[name].status == (500 if DECLARED[name].get("fault") else 400)


def test_the_faults_of_the_framework() -> None:
    """What no model declares is what every AWS service answers, with the same status."""
    assert {name: item.status for name, item in FAULTS.items() if name not in DECLARED} == FRAMEWORK


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_fault_is_named_as_its_class(name: str) -> None:
    """``__type`` is the class's name, and the text is the message."""
    fault = FAULTS[name]("Something is wrong.")
    assert (fault.type, fault.message, str(fault)) == (name, "Something is wrong.", "Something is wrong.")


def test_a_fault_may_have_no_text() -> None:
    """AWS sends some faults without a message."""
    assert errors.InvalidCiphertextException().message == ""
