"""The bodies of the control streams and of the checkpoint stream."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import StringConstraints

from remit.model.base import Digest, Subject
from remit.model.control import Scope
from remit.model.records.envelope import Body

KeyId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,128}$")]
"""A thumbprint in base64url, which may begin with a hyphen."""
Reason = Annotated[str, StringConstraints(min_length=1, max_length=1024)]


class KillRaised(Body):
    """Everything in this scope stops: no permit is committed, and tokens judged before are dead."""

    kind: ClassVar[str] = "kill.raised"
    scope: Scope
    by: Subject
    reason: Reason


class KillLifted(Body):
    """A kill no longer stands. Tokens that it killed stay dead."""

    kind: ClassVar[str] = "kill.lifted"
    scope: Scope
    by: Subject
    reason: Reason


class CatalogueChanged(Body):
    """The tools in force are now these."""

    kind: ClassVar[str] = "catalogue.changed"
    digest: Digest


class TemplateChanged(Body):
    """The templates in force are now these."""

    kind: ClassVar[str] = "template.changed"
    digest: Digest


class InventoryChanged(Body):
    """The agents and users in force are now these."""

    kind: ClassVar[str] = "inventory.changed"
    digest: Digest


class PolicyActivated(Body):
    """The policy in force is now this; ``digest`` is over its Rego and its data together."""

    kind: ClassVar[str] = "policy.activated"
    digest: Digest
    revision: str
    engine: Literal["opa", "embedded"]


class KeyRotated(Body):
    """A signing key was added to a key set."""

    kind: ClassVar[str] = "key.rotated"
    use: Literal["access", "events", "checkpoints"]
    kid: KeyId


class CheckpointSigned(Body):
    """A signed statement of writers' heads: JWS over ``{writers, time, previous}``.

    Attributes:
        digest: SHA-256 of ``jws``, by which the next one names it and a witness finds it.
    """

    kind: ClassVar[str] = "checkpoint.signed"
    jws: str
    digest: Digest

    @property
    def ref(self) -> Digest:
        return self.digest
