"""The rows and types of IAM against AWS's own model, as botocore ships it."""

from typing import Any

import pytest
from botocore.loaders import Loader
from msgspec import inspect

from strongroom.model import errors
from strongroom.model.identity import PrincipalKind
from strongroom.model.region import PARTITION_OF
from strongroom.operations.iam import IAM
from strongroom.operations.table import PrincipalTarget
from tests.core import MODELS
from tests.operations.test_shapes_model import as_answers, differences, model_facts, own_facts

MODEL = MODELS["iam"]
ENDPOINTS: list[dict[str, Any]] = Loader().load_data("endpoints")["partitions"]

# Members of the model's answers that ours never have, and why. An entry goes when the member comes.
LEFT_OUT = {
    "PasswordLastUsed": "nobody signs in with a password",
    "PermissionsBoundary": "there are no permissions boundaries",
    "Tags": "users and roles have no tags",
    "RoleLastUsed": "it is not kept when a role was used",
    "MaxSigninSessionDuration": "nobody signs in",
    "SourceRoleTemplate": "there are no role templates",
}
# Operations that name their user or role before it is there, or none.
ON_NOTHING = {"CreateUser", "CreateRole", "ListUsers", "ListRoles"}


@pytest.mark.parametrize("name", sorted(IAM.operations))
def test_a_request_is_as_in_the_model(name: str) -> None:
    """Names, types, limits, patterns, enums and required members are the model's."""
    shape = MODEL.operation_model(name).input_shape
    own = own_facts(inspect.type_info(IAM.operations[name].request), name)
    assert differences(own, model_facts(shape, name)) == []


@pytest.mark.parametrize("name", sorted(IAM.operations))
def test_an_answer_is_as_in_the_model(name: str) -> None:
    """Names, types and enums are the model's, secrets are marked; an operation without output has no answer."""
    shape, response = MODEL.operation_model(name).output_shape, IAM.operations[name].response
    if shape is None:
        assert response is None
        return
    own = as_answers(own_facts(inspect.type_info(response), name))
    lines = differences(own, as_answers(model_facts(shape, name)))
    assert [line for line in lines if line.partition(": members lack ")[2] not in LEFT_OUT] == []


def test_what_is_left_out_is_in_the_model() -> None:
    """An exception whose member is gone is stale."""
    members = {member for name in MODEL.shape_names for member in getattr(MODEL.shape_for(name), "members", ())}
    assert members >= LEFT_OUT.keys()


@pytest.mark.parametrize("name", sorted(IAM.operations))
def test_errors_are_as_in_the_model(name: str) -> None:
    """The declared faults are the model's."""
    declared = {shape.name.removesuffix("Exception") for shape in MODEL.operation_model(name).error_shapes}
    assert IAM.operations[name].errors == declared


@pytest.mark.parametrize("name", sorted(IAM.operations))
def test_a_row_asks_for_the_action_of_its_name(name: str) -> None:
    """On the user or role that its request names; read-only is what reads (Service Authorization Reference)."""
    row = IAM.operations[name]
    assert row.writes != name.startswith(("Get", "List"))
    if name in ON_NOTHING:
        assert row.targets == ()
        return
    (target,) = row.targets
    assert isinstance(target, PrincipalTarget)
    assert target.action == f"iam:{name}"
    assert target.member == f"{target.kind}_name"
    assert target.kind is (PrincipalKind.ROLE if "Role" in name else PrincipalKind.USER)
    assert target.member in row.request.__struct_fields__


def test_the_service_is_as_in_the_model() -> None:
    """Its version, and the namespace of its answers."""
    assert IAM.version == MODEL.api_version
    fault = IAM.protocol.fault(errors.ValidationException("x"), "id")
    assert f'xmlns="{MODEL.metadata["xmlNamespace"]}"'.encode() in fault.body


def test_its_homes_are_where_clients_send_it() -> None:
    """One Region in each partition; where botocore knows a global endpoint, the Region that it signs for."""
    homes = {PARTITION_OF[region]: region for region in IAM.home_regions}
    assert len(homes) == len(IAM.home_regions)
    assert homes.keys() == set(PARTITION_OF.values())
    for partition in ENDPOINTS:
        service = partition["services"].get("iam")
        if service is not None:
            scope = service["endpoints"][service["partitionEndpoint"]]["credentialScope"]
            assert homes[partition["partition"]] == scope["region"]
