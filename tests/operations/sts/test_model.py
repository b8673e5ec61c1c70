"""The rows and types of STS against AWS's own model, as botocore ships it."""

import re
import unicodedata

import pytest
from msgspec import inspect

from strongroom.model import errors
from strongroom.operations.shapes import unicode_pattern
from strongroom.operations.sts import STS
from tests.core import MODELS
from tests.operations.test_shapes_model import as_answers, differences, model_facts, own_facts

MODEL = MODELS["sts"]

# The only differences, each wanted: what proves somebody is kept out of records though the model has no mark for it.
WANTED = {
    "AssumeRole request": ["AssumeRole.TokenCode: mark is unlogged, in the model None"],
    "AssumeRole answer": ["AssumeRole.Credentials.SessionToken: mark is secret, in the model None"],
}


@pytest.mark.parametrize("name", sorted(STS.operations))
def test_a_request_is_as_in_the_model(name: str) -> None:
    """Names, types, limits, patterns, required and secret members are the model's."""
    shape = MODEL.operation_model(name).input_shape
    own = own_facts(inspect.type_info(STS.operations[name].request), name)
    assert differences(own, model_facts(shape, name)) == WANTED.get(f"{name} request", [])


@pytest.mark.parametrize("name", sorted(STS.operations))
def test_an_answer_is_as_in_the_model(name: str) -> None:
    """Names and types are the model's."""
    shape = MODEL.operation_model(name).output_shape
    own = as_answers(own_facts(inspect.type_info(STS.operations[name].response), name))
    assert differences(own, as_answers(model_facts(shape, name))) == WANTED.get(f"{name} answer", [])


@pytest.mark.parametrize("name", sorted(STS.operations))
def test_errors_are_as_in_the_model(name: str) -> None:
    """The declared faults are the model's."""
    declared = {shape.name.removesuffix("Exception") for shape in MODEL.operation_model(name).error_shapes}
    assert STS.operations[name].errors == declared


def test_the_service_is_as_in_the_model() -> None:
    """Its version, and the namespace of its answers."""
    assert STS.version == MODEL.api_version
    fault = STS.protocol.fault(errors.ValidationException("x"), "id")
    assert f'xmlns="{MODEL.metadata["xmlNamespace"]}"'.encode() in fault.body


def test_tags_take_the_text_of_all_scripts() -> None:
    """A tag's pattern takes just the letters, separators and digits that Unicode knows, and AWS's few others."""
    pattern = unicode_pattern(r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+")
    every = [chr(code) for code in range(0x11_0000)]
    takes = re.compile(pattern).search
    taken = {character for character in every if takes(character)}
    expected = {character for character in every if unicodedata.category(character)[0] in "LZN"} | set("_.:/=+-@")
    assert taken == expected
