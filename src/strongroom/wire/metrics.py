"""What an operator counts: requests by operation and outcome, and what the HTTP wall refused."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

# Without credentials one can choose what stands in a refused request, so no label ever comes from one.
UNPROVEN = "unproven"
UNKNOWN = "unknown"


class Metrics:
    """The counters of one worker; a scrape of any worker answers for all of them.

    prometheus-client adds the workers up through files in the folder that PROMETHEUS_MULTIPROC_DIR names; the
    supervisor sets it before a worker starts.
    """

    def __init__(self) -> None:
        self._requests = Counter(
            "strongroom_requests", "Requests answered, by operation and error code.", ("operation", "code")
        )
        self._seconds = Histogram(
            "strongroom_request_duration_seconds",
            "Time from the whole request to its answer.",
            ("operation",),
            buckets=_BUCKETS,
        )
        self._refused = Gauge(
            "strongroom_http_refused",
            "Connections and requests that the HTTP wall ended, by reason.",
            ("reason",),
            multiprocess_mode="livesum",
        )
        self._counters: dict[tuple[str, str], Counter] = {}
        self._timers: dict[str, Histogram] = {}

    def count(self, operation: str, code: str, seconds: float) -> None:
        """Count one answered request; label children are held, since looking them up costs as much as counting."""
        counter = self._counters.get((operation, code))
        if counter is None:
            counter = self._counters[operation, code] = self._requests.labels(operation, code)
        counter.inc()
        timer = self._timers.get(operation)
        if timer is None:
            timer = self._timers[operation] = self._seconds.labels(operation)
        timer.observe(seconds)

    def scrape(self, refused: Mapping[str, int]) -> bytes:
        """The metrics of all workers in Prometheus' text form.

        Args:
            refused: This worker's counts of the HTTP wall, by reason.
        """
        for reason, number in refused.items():
            self._refused.labels(reason).set(number)
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # prometheus-client leaves it so
        return generate_latest(registry)


class JobMetrics:
    """The counters of the jobs; the supervisor's, in the same folder as those of the workers."""

    def __init__(self) -> None:
        self._jobs = Counter("strongroom_jobs", "Jobs run, by job and outcome.", ("job", "outcome"), registry=None)
        self._seconds = Histogram(
            "strongroom_job_duration_seconds", "Time that a job took.", ("job",), buckets=_BUCKETS, registry=None
        )

    def count(self, job: str, outcome: str, seconds: float) -> None:
        """Take note of one job, which was ``done``, ``failed`` or ``put off``."""
        self._jobs.labels(job, outcome).inc()
        self._seconds.labels(job).observe(seconds)
