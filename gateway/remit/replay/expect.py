"""What a step of a scenario may expect, and how that is compared with what was observed.

An expectation is one word, or an object in which every field that is written down must hold. It
must never pass because something was not observed: what is expected and absent is a mismatch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, Self, TypeAlias

from pydantic import GetCoreSchemaHandler, model_validator
from pydantic_core import CoreSchema, core_schema

from remit.model.base import CallId, Model, Name, Subject
from remit.model.decision import Effect, ReasonCode
from remit.model.records.run import Outcome

Observed: TypeAlias = Mapping[str, Any]
"""What a step showed, by the names that expectations use; ``error`` when the gateway refused to do it."""


Answer: TypeAlias = Literal["accepted", "refused"]


class OneWord:
    """Annotates a model for which a single word may be written: the value of one field.

    A union that looks at the form alone, so that each form is validated as strictly as it was written.
    """

    def __init__(self, field: str, words: object) -> None:
        self._field = field
        self._words = words

    def __get_pydantic_core_schema__(self, source: type[Model], handler: GetCoreSchemaHandler) -> CoreSchema:
        """The word or the object, and the model of it in either case."""
        word = core_schema.no_info_after_validator_function(
            lambda value: source.model_validate({self._field: value}), handler.generate_schema(self._words)
        )
        return core_schema.tagged_union_schema(
            {"(word)": word, "(object)": handler(source)},
            discriminator=lambda value: "(word)" if isinstance(value, str) else "(object)",
        )


class Expectation(Model):
    """What every expectation may say.

    Attributes:
        error: the gateway's error code (``call-conflict``, ``run-closed``, ``wrong-plane``, …).
        explains: words that one of the reasons, as people read them, must contain.
    """

    error: str | None = None
    explains: str | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("expects nothing, and so would always be met")
        return self


class Decided(Expectation):
    """A decision.

    Attributes:
        codes: the findings' codes: exactly these, in any order.
        answerers: who may answer the hold: exactly these users and roles.
    """

    decision: Effect | None = None
    codes: tuple[ReasonCode, ...] | None = None
    retryable: bool | None = None
    answerers: tuple[Subject, ...] | None = None


class CallExpectation(Decided):
    """What became of a call.

    Attributes:
        repeated: whether it is the recorded answer of an earlier call with this id.
        executed: how often this call has been executed by its tool by now, in either mode.
        left: what is left of these limits after it.
    """

    outcome: Outcome | None = None
    repeated: bool | None = None
    executed: int | None = None
    left: dict[str, int] | None = None


class ParallelExpectation(Expectation):
    """What became of calls made at once: how many of each decision, in whatever order.

    Attributes:
        codes: the codes of all calls that were not permitted, each once.
    """

    all: Effect | None = None
    permit: int | None = None
    deny: int | None = None
    hold: int | None = None
    codes: tuple[ReasonCode, ...] | None = None
    left: dict[str, int] | None = None


class AmendExpectation(Decided):
    """What became of an amendment.

    Attributes:
        revokes: the calls whose tokens it ended: exactly these.
        voids: the holds that it ended, by the names of what was held: exactly these.
        confirmed: whether every connected tool has confirmed before the answer was given.
    """

    revision: int | None = None
    revokes: tuple[CallId, ...] | None = None
    voids: tuple[Name, ...] | None = None
    confirmed: bool | None = None


class OutcomeExpectation(Expectation):
    """How a call that was in flight came out."""

    outcome: Outcome | None = None
    executed: int | None = None


class Acceptance(Expectation):
    """Whether it was done.

    Attributes:
        confirmed: as for amendments, where something was revoked.
    """

    result: Answer | None = None
    confirmed: bool | None = None


_IN_ANY_ORDER = frozenset({"codes", "answerers", "revokes", "voids"})


def mismatches(expected: Expectation, observed: Observed) -> Iterator[str]:
    """What does not hold, as ``expected … got …``; nothing when all of it does."""
    if observed.get("error") and expected.error is None and not _expects_refusal(expected):
        wanted = _words(expected.model_dump(mode="json", exclude_unset=True))
        yield f"expected {wanted}; got the error {observed['error']}: {observed.get('message', '')}"
        return
    for field in type(expected).model_fields:
        wanted = getattr(expected, field)
        if field in expected.model_fields_set and not _holds(field, wanted, observed.get(field)):
            yield f"expected {field} {_shown(wanted)}; got {_got(observed, field)}"


def _expects_refusal(expected: Expectation) -> bool:
    return isinstance(expected, Acceptance) and expected.result == "refused"


def _holds(field: str, wanted: Any, got: Any) -> bool:
    if got is None:
        return False
    if field in _IN_ANY_ORDER:
        return set(wanted) == set(got)
    if field == "explains":
        return any(wanted.lower() in text.lower() for text in got)
    if field == "left":
        return all(got.get(limit) == amount for limit, amount in wanted.items())
    return bool(wanted == got)


def _got(observed: Observed, field: str) -> str:
    """What was observed of a field, or instead of it; for a decision, why."""
    if observed.get("error") and field != "error":
        return f"the error {observed['error']}"
    if observed.get(field) is None:
        instead = next((name for name in ("decision", "result", "outcome") if observed.get(name)), None)
        return f"{instead} {_got(observed, instead)}" if instead and field != instead else "none"
    codes = observed.get("codes") if field == "decision" else None
    return f"{_shown(observed[field])}{f' ({_shown(codes)})' if codes else ''}"


def _shown(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(dict.fromkeys(map(str, value))) or "none"
    if isinstance(value, Mapping):
        return _words(value)
    return str(value)


def _words(fields: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_shown(value)}" for name, value in fields.items()) or "success"
