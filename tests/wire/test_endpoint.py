"""The endpoint: routes, hosts, request ids, records, and answers that wait for their record."""

import logging
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from strongroom.operations.table import TO_COME
from strongroom.wire.messages import HttpRequest
from tests.core import ACCOUNT, DATABASE, MISSING, OTHER
from tests.storage.support import outsider
from tests.wire.rim import TLS, Rim, open_rim, post

JSON = b"application/x-amz-json-1.1"


@pytest.fixture
def rim(tmp_path: Path) -> Iterator[Rim]:
    """An endpoint of the test's own, without a list of hosts, as in production."""
    with open_rim(tmp_path) as opened:
        yield opened


# --- pages and routes ---


@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
@pytest.mark.parametrize(("path", "status"), [("/health/live", "live"), ("/health/ready", "ready")])
def test_health_needs_no_signature(rim: Rim, method: bytes, path: str, status: str) -> None:
    """Both pages say in JSON that all is well; no request id, nothing counted, no record."""
    page = rim.get(path, method)
    assert (page.status, page.content_type, page.json, page.headers) == (
        200,
        b"application/json",
        {"status": status},
        {},
    )
    assert (rim.counted(), rim.records()) == ({}, [])


def test_not_ready_with_a_store_that_does_not_check(rim: Rim, caplog: pytest.LogCaptureFixture) -> None:
    """It lives but is not ready; the page shows nobody which row it was, the log does, braked: anybody can ask."""
    with outsider(rim.core.folder / DATABASE) as connection:
        connection.execute("DELETE FROM accounts")
    page = rim.get("/health/ready")
    assert (page.status, page.json["status"]) == (503, "not ready")
    assert "registry" in caplog.text
    assert {entry.name for entry in caplog.records} == {"strongroom.security"}
    assert "registry" not in str(page.json)
    assert rim.get("/health/live").status == 200


def test_not_ready_without_an_audit(rim: Rim) -> None:
    """Where the audit cannot be written, nothing can be answered."""
    rim.core.spool.close()
    page = rim.get("/health/ready")
    assert (page.status, page.json["status"]) == (503, "not ready")
    assert "audit" in page.json["reason"]


def test_metrics_are_shown(rim: Rim) -> None:
    """The page has what was counted, and what the HTTP layer refused."""
    rim.call("ListKeys")
    page = rim.get("/metrics")
    assert (page.status, page.content_type) == (200, b"text/plain; version=0.0.4; charset=utf-8")
    assert b'strongroom_requests_total{code="OK",operation="ListKeys"} 1.0' in page.body
    assert b'strongroom_http_refused{reason="malformed"} 7.0' in page.body


ELSEWHERE = {
    "another method": (b"GET", b"/"),
    "PUT": (b"PUT", b"/"),
    "another path": (b"POST", b"/keys"),
    "no path": (b"OPTIONS", b"*"),
    "a page, posted": (b"POST", b"/health/live"),
    "a page, with more": (b"GET", b"/health/live/"),
    "a page in capitals": (b"GET", b"/Health/Live"),
    "the API below": (b"POST", b"//"),
}


@pytest.mark.parametrize("case", ELSEWHERE)
def test_nothing_else_is_served(rim: Rim, case: str) -> None:
    """Any other method or path is an operation that is not known, even when it is signed, and leaves no record."""
    method, path = ELSEWHERE[case]
    answer = rim.ask(replace_request(post(b"{}"), method=method, path=path))
    assert (answer.status, answer.content_type, answer.json) == (400, JSON, {"__type": "UnknownOperationException"})
    assert str(uuid.UUID(answer.request_id)) == answer.request_id
    assert rim.records() == []
    assert rim.counted() == {("unproven", "UnknownOperationException"): 1}


def replace_request(request: HttpRequest, **changes: Any) -> HttpRequest:
    """A request with some of it changed."""
    return replace(request, **changes)


# --- hosts ---

LOOPBACK = (
    "localhost", "localhost:8080", "LOCALHOST", "kms.localhost:1", "127.0.0.1", "127.0.0.1:8080", "127.8.9.10", "[::1]",
    "[::1]:8080", "localhost:",
)  # fmt: skip
STRANGERS = (
    "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "evillocalhost", "10.0.0.1", "[::2]:8080", "",
    "10.0.0.1:80", "localhost:8080:9", "kms.example.com", "localhost@evil.example", "\xff",
)  # fmt: skip


@pytest.mark.parametrize("host", LOOPBACK)
def test_dev_mode_answers_to_loopback(tmp_path: Path, host: str) -> None:
    """Every name and address of loopback is served, with any port."""
    with open_rim(tmp_path, hosts=frozenset()) as rim:
        for _ in range(2):
            assert rim.ask(post(b"{}", host=host)).status == 200


@pytest.mark.parametrize("host", STRANGERS)
def test_dev_mode_answers_to_nobody_else(tmp_path: Path, host: str) -> None:
    """A page that has its own name point here is refused before its signature is looked at, and leaves no record."""
    with open_rim(tmp_path, hosts=frozenset({"kms"})) as rim:
        request = post(b"{}")
        headers = [(name, host.encode("latin-1") if name == b"host" else value) for name, value in request.headers]
        for _ in range(2):
            answer = rim.ask(replace_request(request, headers=headers))
            assert (answer.status, answer.json["__type"]) == (400, "AccessDeniedException")
        assert rim.ask(replace_request(request, headers=[])).json["__type"] == "AccessDeniedException"
        assert (rim.records(), rim.counted()) == ([], {("unproven", "AccessDeniedException"): 3})


@pytest.mark.parametrize("host", ["kms", "KMS:8080", "kms.example.internal"])
def test_dev_mode_answers_to_names_it_was_given(tmp_path: Path, host: str) -> None:
    """Names with which it was started, in any letter case and with any port."""
    with open_rim(tmp_path, hosts=frozenset({"kms", "kms.example.internal"})) as rim:
        assert rim.ask(post(b"{}", host=host)).status == 200


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
def test_pages_are_for_known_hosts_alone(tmp_path: Path, path: str) -> None:
    """In dev mode a page is no more for a foreign name than the API is; in production any name does."""
    with open_rim(tmp_path, hosts=frozenset()) as rim:
        assert rim.get(path, host=b"10.1.2.3:8080").status == 400
    production = tmp_path / "production"
    production.mkdir()
    with open_rim(production, hosts=None) as rim:
        assert rim.get(path, host=b"10.1.2.3:8080").status == 200


def test_names_that_were_given_in_capitals(tmp_path: Path) -> None:
    """Letter case does not count in a name, whichever side wrote it."""
    with open_rim(tmp_path, hosts=frozenset({"KMS.example"})) as rim:
        assert rim.ask(post(b"{}", host="kms.example:8080")).status == 200


def test_many_hosts_are_not_remembered_for_ever(tmp_path: Path) -> None:
    """However many names strangers come up with, the memory of them is bounded, and loopback is still served."""
    with open_rim(tmp_path, hosts=frozenset()) as rim:
        for number in range(300):
            request = replace_request(post(b"{}"), headers=[(b"host", f"{number}.example".encode())])
            assert rim.ask(request).json["__type"] == "AccessDeniedException"
        assert len(rim.endpoint._known_hosts) <= 256
        assert rim.ask(post(b"{}", host="localhost:9")).status == 200


def test_production_answers_to_every_host(rim: Rim) -> None:
    """A service behind a name of its own needs no list: who cannot sign gets nothing."""
    assert rim.ask(post(b"{}", host="kms.example.com")).status == 200


# --- callers, targets, request ids ---


def test_a_caller_who_is_not_proven_leaves_no_record(rim: Rim, caplog: pytest.LogCaptureFixture) -> None:
    """No signature, a wrong one, an unknown key: AWS's fault, a counter, a line in the log, nothing on the disk."""
    unsigned = [header for header in post(b"{}").headers if header[0] != b"authorization"]
    refused = {
        "MissingAuthenticationTokenException": replace_request(post(b"{}"), headers=unsigned),
        "InvalidSignatureException": post(b"{}", secret="wrong"),
        "UnrecognizedClientException": post(b"{}", access_key="AKIAIOSFODNN7EXAMPLE"),
        "IncompleteSignatureException": replace_request(post(b"{}"), headers=[*unsigned, (b"authorization", b"AWS4")]),
    }
    for code, request in refused.items():
        caplog.clear()
        answer = rim.ask(request)
        assert (answer.status, answer.content_type, answer.json["__type"]) == (400, JSON, code)
        (entry,) = caplog.records
        assert (entry.name, entry.levelno) == ("strongroom.security", logging.WARNING)
        assert answer.request_id in entry.getMessage()
    assert rim.records() == []
    assert rim.counted() == {("unproven", code): 1 for code in refused}


def test_a_store_that_cannot_be_read_proves_nobody(rim: Rim, caplog: pytest.LogCaptureFixture) -> None:
    """The answer is an internal fault that does not say why; the log does, braked, since a stranger can cause it."""
    with outsider(rim.core.folder / DATABASE) as connection:
        connection.execute("DELETE FROM accounts")
    answer = rim.call("ListKeys")
    assert (answer.status, answer.json["__type"]) == (500, "KMSInternalException")
    assert "registry" not in answer.json["message"]
    assert {entry.name for entry in caplog.records} == {"strongroom.security"}
    assert "registry" in caplog.text
    assert rim.counted() == {("unproven", "KMSInternalException"): 1}


def test_the_request_id_is_the_records(rim: Rim) -> None:
    """The header of each answer, good or bad, has the id that its record has, and no two are alike."""
    answers = [
        rim.call("CreateKey"),
        rim.call("ListKeys"),
        rim.call("DescribeKey", KeyId=MISSING),
        rim.call("CreateAlias", AliasName="alias/app", TargetKeyId=MISSING),
        rim.post(b"{}", target="TrentService.Nothing"),
    ]
    ids = [answer.request_id for answer in answers]
    assert all(str(uuid.UUID(request_id)) == request_id for request_id in ids)
    assert sorted(ids) == sorted(record["requestID"] for record in rim.records())
    assert len(set(ids)) == len(ids)


def test_facts_of_the_connection_are_recorded(rim: Rim) -> None:
    """Address, user agent, TLS and host come from the connection and the headers."""
    rim.call("ListKeys", access_key=OTHER)
    (record,) = rim.records()
    assert (record["sourceIPAddress"], record["userAgent"], record["awsRegion"]) == (
        "192.0.2.7",
        "tests/1.0",
        "us-east-1",
    )
    assert record["tlsDetails"] == {
        "tlsVersion": TLS[0],
        "cipherSuite": TLS[1],
        "clientProvidedHostHeader": "kms.example.internal",
    }
    assert (record["userIdentity"]["accountId"], record["userIdentity"]["accessKeyId"]) == (OTHER, OTHER)


def test_the_region_is_that_of_the_signature(rim: Rim) -> None:
    """The same endpoint serves several Regions, each with keys of its own."""
    made = rim.post(b"{}", region="eu-west-3", target="TrentService.CreateKey").json["KeyMetadata"]
    assert made["Arn"].startswith(f"arn:aws:kms:eu-west-3:{ACCOUNT}:key/")
    assert rim.call("ListKeys").json["Keys"] == []


def test_a_request_without_a_user_agent_is_recorded(rim: Rim) -> None:
    """Headers that nobody sent are empty, and letters outside ASCII do no harm."""
    request = post(b"{}")
    bare = [header for header in request.headers if header[0] != b"user-agent"]
    assert rim.ask(replace_request(request, headers=bare, tls=None)).status == 200
    assert rim.ask(replace_request(request, headers=[*bare, (b"user-agent", b"caf\xe9")], tls=None)).status == 200
    assert [record["userAgent"] for record in rim.records()] == ["", "caf\u00e9"]
    assert not any("tlsDetails" in record for record in rim.records())


# what was sent -> the name that the record has
TARGETS: dict[str | None, str] = {
    None: "unknown",
    "": "unknown",
    "TrentService.": "unknown",
    "TrentService.Frobnicate": "Frobnicate",
    "TrentService.listkeys": "listkeys",
    "trentservice.ListKeys": "unknown",
    "TrentService.List Keys": "unknown",
    "TrentService." + "x" * 128: "x" * 128,
    "TrentService." + "x" * 129: "unknown",
    "DynamoDB_20120810.ListTables": "unknown",
    **{f"TrentService.{name}": name for name in sorted(TO_COME)},
}


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_that_names_no_operation(rim: Rim, target: str | None) -> None:
    """The fault has no message; the record has the name where it could be one; the metrics have no name at all."""
    answer = rim.post(b"{}", target=target)
    assert (answer.status, answer.json) == (400, {"__type": "UnknownOperationException"})
    (record,) = rim.records()
    assert (record["eventName"], record["errorCode"]) == (TARGETS[target], "UnknownOperationException")
    assert rim.counted() == {("unknown", "UnknownOperationException"): 1}
