"""What this process measures of itself while it works, for `/metrics`.

Each console process has instruments of its own: whoever collects them asks every process and adds
up. What is true of the whole system is read from the database instead: see `figures`.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

# From a commit on a fast disk to a request that somebody waits for.
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

ROUND = Histogram(
    "reviewconsole_writer_round_seconds",
    "One round of the writer: what all runners asked meanwhile, executed and committed.",
    registry=REGISTRY,
    buckets=_SECONDS,
)
COMMIT = Histogram(
    "reviewconsole_checkpoint_commit_seconds",
    "One transaction of the checkpoint store, from its first statement to its commit.",
    registry=REGISTRY,
    buckets=_SECONDS,
)
REQUEST = Histogram(
    "reviewconsole_request_seconds",
    "One page or post, from its arrival to its answer.",
    ("view", "method"),
    registry=REGISTRY,
    buckets=_SECONDS,
)
REDRAW = Histogram(
    "reviewconsole_redraw_seconds",
    "Drawing once what has changed for all open pages of the process.",
    registry=REGISTRY,
    buckets=_SECONDS,
)
SOCKETS = Gauge(
    "reviewconsole_sockets", "Open sockets, of browsers and of runners.", ("of",), registry=REGISTRY
)
DECISIONS = Counter(
    "reviewconsole_decisions",
    "Decisions that were recorded, by what was decided for each call.",
    ("type",),
    registry=REGISTRY,
)
