"""Every exception that remit raises, in one tree split by who has to act.

Verification and state errors raise; judgement returns reasons (a denial is a value, not an error)::

    RemitError
    ├── InputError                the caller sent something malformed: fix the request
    │   ├── FieldError            one field is wrong; names it
    │   └── TooLargeError         beyond a stated limit
    ├── CredentialError           the bearer is not who it must be: get another credential
    │   ├── TokenInvalidError     not genuine, not for us, or no longer good
    │   ├── TokenRevokedError     genuine, and revoked
    │   └── WrongPlaneError       good, but not for this door or not for this object
    ├── StateError                the object is not in a state that admits this
    │   ├── NotFoundError
    │   ├── RunClosedError
    │   ├── StaleRevisionError    the amendment starts from an old revision
    │   ├── CallConflictError     the call id was used with other content
    │   ├── IllegalMoveError      the lifecycle table has no such move
    │   ├── HeadMovedError        somebody else appended first: judge again
    │   └── AlreadyRecordedError  the once-key is taken: load and look
    ├── RefusedError              policy refused a run or a plan; carries the decision
    ├── OverloadError             a bounded queue or rate limit is full: come back later
    ├── UnavailableError          a part we depend on is down: nothing was done
    │   ├── StoreUnavailableError
    │   ├── PolicyUnavailableError
    │   └── IdentityUnavailableError
    ├── UpstreamError             the tool could not be asked
    │   ├── NotSentError          not one byte of the call reached the tool
    │   └── NoAnswerError         sent, and no answer: the outcome is unknown
    ├── ConfigError               a file or setting is wrong; names it
    └── IntegrityError            the log does not verify; says where
"""

from __future__ import annotations

from typing import Any


class RemitError(Exception):
    """The root. ``code`` is stable and is what a problem document's ``type`` ends with."""

    code = "internal"


# --- the caller's input ---------------------------------------------------------------------------


class InputError(RemitError):
    """The request is malformed."""

    code = "malformed"


class FieldError(InputError):
    """One field is wrong.

    Args:
        field: a dotted path or JSON pointer, as the caller wrote it.
        problem: what is wrong with it, without echoing its value.
    """

    code = "field-invalid"

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class TooLargeError(InputError):
    """Something exceeds a stated limit."""

    code = "too-large"


# --- credentials ----------------------------------------------------------------------------------


class CredentialError(RemitError):
    """The bearer did not prove to be who this request needs."""

    code = "credential"


class TokenInvalidError(CredentialError):
    """The token is not genuine, not meant for this audience, or not (or no longer) valid."""

    code = "token-invalid"


class TokenRevokedError(CredentialError):
    """The token is genuine and in time, but has been revoked."""

    code = "token-revoked"


class WrongPlaneError(CredentialError):
    """The credential is good, but not for this plane, this role or this object."""

    code = "wrong-plane"


# --- state ----------------------------------------------------------------------------------------


class StateError(RemitError):
    """The object's state does not admit the request."""

    code = "state"


class NotFoundError(StateError):
    """There is no such object, or the caller may not know of it."""

    code = "not-found"


class RunClosedError(StateError):
    """The run has ended."""

    code = "run-closed"


class StaleRevisionError(StateError):
    """The amendment names a revision that is no longer the current one."""

    code = "stale-revision"


class CallConflictError(StateError):
    """The call id was used before with another tool, other arguments or another mode."""

    code = "call-conflict"


class IllegalMoveError(StateError):
    """The lifecycle table does not list this move."""

    code = "illegal-move"


class HeadMovedError(StateError):
    """A stream's head, or a control sequence that was judged under, has moved. Judge again."""

    code = "head-moved"


class AlreadyRecordedError(StateError):
    """A record with this once-key exists in the stream. Load it and answer from it."""

    code = "already-recorded"


# --- refusals, overload, outages ------------------------------------------------------------------


class RefusedError(RemitError):
    """Policy refused to open a run or to amend a plan. The refusal is recorded."""

    code = "refused"

    def __init__(self, message: str, decision: Any) -> None:
        super().__init__(message)
        self.decision = decision


class OverloadError(RemitError):
    """A bounded queue or a rate limit is full.

    Args:
        retry_after_s: seconds after which it is reasonable to try again.
    """

    code = "overload"

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class UnavailableError(RemitError):
    """A part that a decision needs is down. Nothing was done."""

    code = "unavailable"


class StoreUnavailableError(UnavailableError):
    """The store cannot read or append."""

    code = "store-unavailable"


class PolicyUnavailableError(UnavailableError):
    """The policy engine gave no answer that counts: slow, gone, or not of the agreed shape."""

    code = "policy-unavailable"


class IdentityUnavailableError(UnavailableError):
    """An issuer's keys cannot be had, so its tokens cannot be checked."""

    code = "identity-unavailable"


# --- upstream -------------------------------------------------------------------------------------


class UpstreamError(RemitError):
    """The tool could not be asked."""

    code = "upstream"


class NotSentError(UpstreamError):
    """Nothing of the call reached the tool; it is safe to say that it did not happen."""

    code = "not-sent"


class NoAnswerError(UpstreamError):
    """The call was sent and no (complete) answer came: the outcome is unknown, never *failed*."""

    code = "no-answer"


# --- operators ------------------------------------------------------------------------------------


class ConfigError(RemitError):
    """A configuration file or setting is wrong.

    Args:
        where: file, and line or path inside it.
        problem: what is wrong, and what would be right.
    """

    code = "config"

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}")
        self.where = where
        self.problem = problem


class IntegrityError(RemitError):
    """The log does not verify: a record, a batch or a checkpoint is not what was committed."""

    code = "integrity"
