"""Counters of requests, and the page that shows those of all workers."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from strongroom.wire.metrics import CONTENT_TYPE, Metrics
from tests.wire.counting import fresh_metrics

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def metrics(tmp_path: Path) -> Iterator[Metrics]:
    """Metrics of the test's own."""
    with fresh_metrics(tmp_path) as made:
        yield made


def samples(page: bytes) -> Samples:
    """What a scraper reads: values by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


def labels(**given: str) -> tuple[tuple[str, str], ...]:
    """Labels as ``samples`` has them."""
    return tuple(sorted(given.items()))


def test_requests_are_counted_by_operation_and_outcome(metrics: Metrics) -> None:
    """Each answer counts once, and its time goes into the operation's histogram."""
    for code, seconds in (("OK", 0.002), ("OK", 0.2), ("DisabledException", 9.0)):
        metrics.count("Encrypt", code, seconds)
    metrics.count("Decrypt", "OK", 0.0001)
    found = samples(metrics.scrape({}))
    requests = "strongroom_requests_total"
    assert found[requests, labels(operation="Encrypt", code="OK")] == 2
    assert found[requests, labels(operation="Encrypt", code="DisabledException")] == 1
    assert found[requests, labels(operation="Decrypt", code="OK")] == 1
    seconds_of = "strongroom_request_duration_seconds"
    assert found[f"{seconds_of}_count", labels(operation="Encrypt")] == 3
    assert found[f"{seconds_of}_sum", labels(operation="Encrypt")] == pytest.approx(9.202)
    assert found[f"{seconds_of}_bucket", labels(operation="Encrypt", le="0.0025")] == 1
    assert found[f"{seconds_of}_bucket", labels(operation="Encrypt", le="0.25")] == 2
    assert found[f"{seconds_of}_bucket", labels(operation="Encrypt", le="+Inf")] == 3


def test_what_the_http_wall_refused_is_shown_as_it_is(metrics: Metrics) -> None:
    """The wall counts by itself; a scrape shows its numbers of that moment."""
    refused = {"malformed": 3, "idle_timeout": 0}
    assert samples(metrics.scrape(refused))["strongroom_http_refused", labels(reason="malformed")] == 3
    refused["malformed"] = 5
    found = samples(metrics.scrape(refused))
    assert found["strongroom_http_refused", labels(reason="malformed")] == 5
    assert found["strongroom_http_refused", labels(reason="idle_timeout")] == 0


def test_any_worker_answers_for_all(tmp_path: Path) -> None:
    """What another process left in the folder is added up, also after its end."""
    with fresh_metrics(tmp_path) as first:
        first.count("Encrypt", "OK", 0.001)
    for path in tmp_path.glob("*.db"):
        path.rename(path.with_name(path.name.replace(".db", "9.db")))  # the number in the name is the process's
    with fresh_metrics(tmp_path) as second:
        second.count("Encrypt", "OK", 0.001)
        found = samples(second.scrape({}))
    assert found["strongroom_requests_total", labels(operation="Encrypt", code="OK")] == 2


def test_the_form_is_prometheuss() -> None:
    """The content type is that of the text form, version 0.0.4."""
    assert CONTENT_TYPE == b"text/plain; version=0.0.4; charset=utf-8"
