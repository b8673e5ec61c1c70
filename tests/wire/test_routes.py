"""Which operation of which service a request names."""

import pytest

from strongroom.operations.dev import DEV
from strongroom.operations.iam import IAM
from strongroom.operations.kms import KMS
from strongroom.operations.sts import STS
from strongroom.operations.table import Service
from strongroom.wire.messages import HttpRequest
from strongroom.wire.routes import Route, Routes

FORM = b"application/x-www-form-urlencoded; charset=utf-8"
ALL = Routes((KMS, IAM, STS, DEV))
KMS_ALONE = Routes((KMS,))


def find(routes: Routes, body: bytes = b"", **headers: bytes) -> Route:
    """Where a POST to ``/`` with such headers goes."""
    sent = [(name.replace("_", "-").encode(), value) for name, value in headers.items()]
    return routes.find(HttpRequest(b"POST", b"/", b"", sent, body, "", None))


JSON = {
    b"TrentService.Encrypt": (KMS, "Encrypt", True),
    b"StrongroomDev.GetClock": (DEV, "GetClock", True),
    b"TrentService.Encrypts": (KMS, "Encrypts", False),
    b"TrentService.encrypt": (KMS, "encrypt", False),
    b"TrentService.": (KMS, "unknown", False),
    b"TrentService.En crypt": (KMS, "unknown", False),
    b"TrentService.Encrypt\n": (KMS, "unknown", False),
    b"TrentService." + b"x" * 128: (KMS, "x" * 128, False),
    b"TrentService." + b"x" * 129: (KMS, "unknown", False),
    "TrentService.Encrypté".encode(): (KMS, "unknown", False),
    b"StrongroomDev.Encrypt": (DEV, "Encrypt", False),
    b"DynamoDB_20120810.GetItem": (KMS, "unknown", False),
    b"CreateUser": (KMS, "unknown", False),
    b"": (KMS, "unknown", False),
}


@pytest.mark.parametrize(("target", "expected"), JSON.items())
def test_a_target_names_an_operation(target: bytes, expected: tuple[Service, str, bool]) -> None:
    """By prefix and name; what is not known is the service's of the prefix, or the first's, and its name is bounded."""
    service, name, known = expected
    route = find(ALL, x_amz_target=target)
    assert (route.service, route.name) == (service, name)
    assert route.operation is (service.operations[name] if known else None)
    assert route.served
    assert route.fault.message == ""


QUERY = {
    b"Action=CreateUser&Version=2010-05-08&UserName=x": (IAM, "CreateUser", ""),
    b"UserName=x&Version=2010-05-08&Action=CreateUser": (IAM, "CreateUser", ""),
    b"Action=GetCallerIdentity&Version=2011-06-15": (STS, "GetCallerIdentity", ""),
    b"Action=GetCallerIdentity&Version=2010-05-08": (
        IAM,
        "GetCallerIdentity",
        "Could not find operation GetCallerIdentity for version 2010-05-08",
    ),
    b"Action=createuser&Version=2010-05-08": (
        IAM,
        "createuser",
        "Could not find operation createuser for version 2010-05-08",
    ),
    b"Version=2010-05-08": (IAM, "unknown", "Could not find operation unknown for version 2010-05-08"),
    b"Action=&Version=2010-05-08": (IAM, "unknown", "Could not find operation unknown for version 2010-05-08"),
    b"Action=%3Cb%3E&Version=2010-05-08": (IAM, "unknown", "Could not find operation unknown for version 2010-05-08"),
    b"Action=" + b"a" * 129 + b"&Version=2011-06-15": (
        STS,
        "unknown",
        "Could not find operation unknown for version 2011-06-15",
    ),
    b"XAction=CreateUser&Version=2010-05-08": (
        IAM,
        "unknown",
        "Could not find operation unknown for version 2010-05-08",
    ),
}


@pytest.mark.parametrize(("body", "expected"), QUERY.items())
def test_a_form_names_an_operation(body: bytes, expected: tuple[Service, str, str]) -> None:
    """By Version and Action, wherever they stand; an unknown action is said as AWS says it, and bounded."""
    service, name, message = expected
    route = find(ALL, body, content_type=FORM)
    assert (route.service, route.name, route.served) == (service, name, True)
    assert route.operation is (None if message else service.operations[name])
    assert route.fault.message == message


UNSERVED = {
    b"Action=SendMessage&Version=2012-11-05": "Could not find operation SendMessage for version 2012-11-05",
    b"Action=CreateUser": "Could not find operation CreateUser for version NO_VERSION_SPECIFIED",
    b"Action=CreateUser&Version=": "Could not find operation CreateUser for version NO_VERSION_SPECIFIED",
    b"Action=CreateUser&Version=<b>": "Could not find operation CreateUser for version unknown",
    b"": "Could not find operation unknown for version NO_VERSION_SPECIFIED",
}


@pytest.mark.parametrize(("body", "message"), UNSERVED.items())
def test_a_form_of_no_service_here(body: bytes, message: str) -> None:
    """It is no service's to prove, and is refused as a Query service refuses."""
    route = find(ALL, body, content_type=FORM)
    assert (route.served, route.operation, route.service.protocol) == (False, None, IAM.protocol)
    assert route.fault.message == message


def test_a_target_goes_before_a_form() -> None:
    """A request that could be both is what its header says."""
    route = find(ALL, b"Action=CreateUser&Version=2010-05-08", content_type=FORM, x_amz_target=b"TrentService.Encrypt")
    assert route.operation is KMS.operations["Encrypt"]
    assert find(ALL, b"Action=CreateUser&Version=2010-05-08", content_type=FORM, x_amz_target=b"").service is KMS


@pytest.mark.parametrize(
    "content_type", [b"application/x-www-form-urlencoded", b"Application/X-WWW-Form-Urlencoded ;x"]
)
def test_a_form_is_known_by_its_content_type(content_type: bytes) -> None:
    """In any letter case, with parameters or without."""
    assert find(ALL, b"Action=CreateUser&Version=2010-05-08", content_type=content_type).service is IAM


@pytest.mark.parametrize("content_type", [b"", b"text/plain", b"application/json", b"x-www-form-urlencoded"])
def test_what_is_no_form_is_none(content_type: bytes) -> None:
    """A body alone names nothing."""
    route = find(ALL, b"Action=CreateUser&Version=2010-05-08", content_type=content_type)
    assert (route.service, route.name, route.operation) == (KMS, "unknown", None)
    assert find(ALL, b"Action=CreateUser&Version=2010-05-08").service is KMS


def test_without_query_services_a_form_is_as_any_other_body() -> None:
    """There is nobody to answer it in XML."""
    assert find(KMS_ALONE, b"Action=CreateUser&Version=2010-05-08", content_type=FORM).service is KMS


def test_every_operation_has_its_way() -> None:
    """Each of each service is found by what botocore sends for it, and no two share one."""
    for service in (KMS, DEV):
        for name, row in service.operations.items():
            assert find(ALL, x_amz_target=f"{service.target_prefix}{name}".encode()).operation is row
    for service in (IAM, STS):
        for name, row in service.operations.items():
            body = f"Action={name}&Version={service.version}".encode()
            assert find(ALL, body, content_type=FORM).operation is row
