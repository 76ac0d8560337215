"""Ports wrapped with metrics and traces. Says how long and how often, never with what."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter

from opentelemetry import trace
from prometheus_client import CollectorRegistry, Counter, Histogram

from remit.errors import RemitError
from remit.model.decision import EngineRef, Verdict
from remit.model.question import QuestionDocument
from remit.model.records.envelope import Entry
from remit.ports import (
    Activation,
    Append,
    BatchHead,
    Loaded,
    PolicyEngine,
    Scan,
    Store,
    Upstream,
    UpstreamAnswer,
    UpstreamCall,
)

BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Upper bounds of the histograms, seconds."""

_tracer = trace.get_tracer("remit")


class Observer:
    """The metrics of the ports, in one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.seconds = Histogram(
            "remit_port_seconds",
            "Time in a port's operation",
            ("port", "operation"),
            buckets=BUCKETS,
            registry=registry,
        )
        self.errors = Counter(
            "remit_port_errors_total",
            "Operations that raised",
            ("port", "operation", "error"),
            registry=registry,
        )
        self.verdicts = Counter(
            "remit_verdicts_total", "Policy's answers", ("question", "effect"), registry=registry
        )

    @contextmanager
    def around(self, port: str, operation: str) -> Iterator[trace.Span]:
        """Measure and trace one operation."""
        started = perf_counter()
        with _tracer.start_as_current_span(f"remit.{port}.{operation}") as span:
            try:
                yield span
            except RemitError as error:
                self.errors.labels(port, operation, error.code).inc()
                raise
            finally:
                self.seconds.labels(port, operation).observe(perf_counter() - started)


class RequestMetrics:
    """Requests at the doors: how many, with which status, how long. One per gateway process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._seconds = Histogram(
            "remit_http_request_seconds",
            "Time in a request",
            ("plane", "route"),
            buckets=BUCKETS,
            registry=registry,
        )
        self._requests = Counter(
            "remit_http_requests_total", "Requests answered", ("plane", "route", "status"), registry=registry
        )

    def answered(self, plane: str, route: str, status: int, seconds: float) -> None:
        """Count one answer; a 401 or 403 here is a failed authentication."""
        self._requests.labels(plane, route, str(status)).inc()
        self._seconds.labels(plane, route).observe(seconds)


class ObservedStore:
    """A ``Store``, observed."""

    def __init__(self, inner: Store, observer: Observer) -> None:
        self._inner = inner
        self._observer = observer

    async def load(self, stream: str, *, sequences: Sequence[str] = ()) -> Loaded:
        with self._observer.around("store", "load"):
            return await self._inner.load(stream, sequences=sequences)

    async def append(self, append: Append) -> BatchHead:
        with self._observer.around("store", "append"):
            return await self._inner.append(append)

    def scan(self, scan: Scan) -> AsyncIterator[Entry]:
        return self._inner.scan(scan)

    async def values(self, stream: str, names: Sequence[str]) -> dict[str, bytes]:
        with self._observer.around("store", "values"):
            return await self._inner.values(stream, names)

    async def drop_values(self, stream: str, names: Sequence[str]) -> None:
        await self._inner.drop_values(stream, names)

    async def erase(self, stream: str) -> None:
        await self._inner.erase(stream)

    async def close(self) -> None:
        await self._inner.close()


class ObservedPolicy:
    """A ``PolicyEngine``, observed."""

    def __init__(self, inner: PolicyEngine, observer: Observer) -> None:
        self._inner = inner
        self._observer = observer

    async def activate(self, activation: Activation) -> None:
        with self._observer.around("policy", "activate"):
            await self._inner.activate(activation)

    async def decide(self, document: QuestionDocument) -> Verdict:
        with self._observer.around("policy", "decide") as span:
            verdict = await self._inner.decide(document)
            span.set_attribute("remit.effect", verdict.effect)
            self._observer.verdicts.labels(document.question, verdict.effect).inc()
            return verdict

    def reference(self) -> EngineRef:
        return self._inner.reference()

    async def healthy(self) -> bool:
        return await self._inner.healthy()

    async def close(self) -> None:
        await self._inner.close()


class ObservedUpstream:
    """An ``Upstream``, observed. The span's name is OTel GenAI's for a tool's execution."""

    def __init__(self, inner: Upstream, observer: Observer) -> None:
        self._inner = inner
        self._observer = observer

    async def send(self, call: UpstreamCall) -> UpstreamAnswer:
        with self._observer.around("upstream", "send") as span:
            span.set_attribute("gen_ai.operation.name", "execute_tool")
            span.set_attribute("gen_ai.tool.name", call.tool.name)
            span.set_attribute("gen_ai.tool.call.id", call.call_id)
            return await self._inner.send(call)

    async def close(self) -> None:
        await self._inner.close()
