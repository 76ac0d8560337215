"""The ports: what the flows need from outside, as protocols, and ``Deps`` that gathers them.

Each has one contract suite in ``tests/contract`` that runs against every implementation. A port
raises only errors of ``remit.errors``; what it cannot do it says, and never half does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from remit.model.base import JsonObject
from remit.model.decision import EngineRef, Question, Verdict
from remit.model.principal import Caller, Plane
from remit.model.question import QuestionDocument
from remit.model.records.envelope import Entry, Head, Record
from remit.model.tool import Tool

KeyUse = Literal["access", "events", "checkpoints"]
"""One key set each, so that a token can never pass for an event or a checkpoint."""


# --- store ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A folded state up to and including record ``seq``; a cache of the fold, never evidence."""

    seq: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Loaded:
    """One consistent read.

    Attributes:
        snapshot: the newest one, if any.
        entries: every record after the snapshot, in order.
        head: the stream's end; ``Head()`` when there is no such stream.
        sequences: the last sequence number of each other stream that was asked for (0: none).
    """

    snapshot: Snapshot | None
    entries: tuple[Entry, ...]
    head: Head
    sequences: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Append:
    """One all-or-nothing append to one stream.

    Attributes:
        records: linked, in order, the first on ``expect``.
        expect: where the stream must still end.
        unmoved: other streams, and the sequence number at which each must still be.
        values: what is kept beside the log, by name within the stream; encrypted at rest under
            the stream's own key.
        snapshot: the folded state after ``records``, when it is time for one.
        durable: must be on disk before it is answered, even where ordinary commits need not.
    """

    stream: str
    records: Sequence[Record]
    expect: Head
    unmoved: Mapping[str, int] = field(default_factory=dict)
    values: Mapping[str, bytes] = field(default_factory=dict)
    snapshot: bytes | None = None
    durable: bool = False


@dataclass(frozen=True, slots=True)
class BatchHead:
    """The end of one writer's chain of commit batches."""

    writer: str
    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class Scan:
    """Which entries to read; every given condition must hold.

    Attributes:
        after: only positions beyond this one (or before it, when ``newest_first``; 0: from the end).
        since: only records of this time or later, epoch milliseconds.
        limit: at most so many; ``None`` for all.
    """

    after: int = 0
    stream: str | None = None
    kinds: tuple[str, ...] = ()
    call: str | None = None
    ref: str | None = None
    since: int | None = None
    newest_first: bool = False
    limit: int | None = None


class Store(Protocol):
    """Streams of records with compare-and-swap, and values beside them.

    ``append`` raises ``HeadMovedError`` when a head or sequence is not the expected one,
    ``AlreadyRecordedError`` when a once-key is taken, ``StoreUnavailableError`` when it cannot
    commit; it then wrote nothing. When its answer is lost (cancellation), the caller loads and looks.
    """

    async def load(self, stream: str, *, sequences: Sequence[str] = ()) -> Loaded: ...

    async def append(self, append: Append) -> BatchHead: ...

    def scan(self, scan: Scan) -> AsyncIterator[Entry]: ...

    async def values(self, stream: str, names: Sequence[str]) -> dict[str, bytes]:
        """The values that are still kept; a missing or erased name is simply not in the answer."""
        ...

    async def drop_values(self, stream: str, names: Sequence[str]) -> None:
        """Forget these values."""
        ...

    async def erase(self, stream: str) -> None:
        """Destroy the stream's key: none of its values can ever be read again."""
        ...

    async def close(self) -> None: ...


# --- policy ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Activation:
    """A policy to put in force.

    Attributes:
        modules: Rego source by path; data: what ``data.remit`` holds.
        packages: the rule files that every answer to a question must list as evaluated.
        revision: names modules and data together; every answer must carry it.
    """

    modules: Mapping[str, str]
    data: JsonObject
    packages: Mapping[Question, frozenset[str]]
    revision: str
    policy_digest: str
    data_digest: str


class PolicyEngine(Protocol):
    """Answers questions in Rego, within a hard deadline, or raises ``PolicyUnavailableError``."""

    async def activate(self, activation: Activation) -> None:
        """Put a policy in force; on any error (``ConfigError``) the last one stays in force."""
        ...

    async def decide(self, document: QuestionDocument) -> Verdict: ...

    def reference(self) -> EngineRef: ...

    async def healthy(self) -> bool: ...

    async def close(self) -> None: ...


# --- upstream -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UpstreamCall:
    """A judged call on its way out.

    Attributes:
        canonical: the RFC 8785 bytes of ``arguments``; exactly what was hashed and is sent.
        token: the call token, for a tool that verifies; a static secret is added by the upstream.
        still: called when the first byte is about to leave; raises ``NotSentError`` if it must not.
        traceparent: W3C trace context to pass on.
    """

    tool: Tool
    call_id: str
    arguments: JsonObject
    canonical: bytes
    token: str
    traceparent: str | None = None
    still: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class UpstreamAnswer:
    """What the tool answered. ``ok`` for an HTTP status of 2xx alone: a redirect is not followed."""

    ok: bool
    status: int
    content_type: str
    body: bytes


class Upstream(Protocol):
    """Sends a judged call to its tool, once. Raises ``NotSentError`` or ``NoAnswerError``."""

    async def send(self, call: UpstreamCall) -> UpstreamAnswer: ...

    async def close(self) -> None: ...


# --- identity, keys, time, chance -----------------------------------------------------------------


class Identity(Protocol):
    """Tells who holds a credential of a configured issuer."""

    async def authenticate(self, credential: str, plane: Plane) -> Caller:
        """Raises ``TokenInvalidError`` or ``IdentityUnavailableError``."""
        ...

    async def close(self) -> None: ...


class Signer(Protocol):
    """Signs and checks the gateway's own tokens, events and checkpoints."""

    async def sign(self, use: KeyUse, typ: str, claims: JsonObject) -> str: ...

    def verify(self, use: KeyUse, typ: str, token: str) -> JsonObject:
        """The claims of a token that this key set signed; signature and ``typ`` only.

        Raises ``TokenInvalidError``. Audience and time are the caller's to check.
        """
        ...

    def jwks(self, use: KeyUse) -> JsonObject:
        """The published key set (RFC 7517), without private parts."""
        ...


class Clock(Protocol):
    """Wall time for records, monotonic time for lifetimes within the process."""

    def now_ms(self) -> int: ...

    def monotonic(self) -> float: ...


class Ids(Protocol):
    """New identifiers and salts; unpredictable outside tests."""

    def new(self, prefix: str, now_ms: int) -> str:
        """``prefix`` + ``_`` + a ULID of this time."""
        ...

    def salt(self) -> bytes:
        """Sixteen random bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Deps:
    """Every port, gathered."""

    store: Store
    policy: PolicyEngine
    upstream: Upstream
    identity: Identity
    signer: Signer
    clock: Clock
    ids: Ids
