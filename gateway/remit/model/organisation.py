"""What the organisation has registered: tools, templates, agents, users. Read from files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from remit.model.base import Digest, Milliseconds, Model, Name, Subject
from remit.model.template import Template
from remit.model.tool import Environment, Tool


class AgentEntry(Model):
    """An agent that somebody answers for.

    Attributes:
        environments: where it may work.
        confirmed_at: when the source last said so; ``None`` in a file, where loading it says so.
    """

    id: Subject
    owner: Subject
    roles: tuple[Name, ...] = ()
    environments: Annotated[tuple[Environment, ...], Field(min_length=1)]
    confirmed_at: Milliseconds | None = None


class UserEntry(Model):
    """A user and the roles that the organisation gave them.

    Attributes:
        issuer: the name of the issuer whose token this user signs in with; needed as soon as more
            than one issuer may vouch for people, because a ``sub`` means something to its issuer only.
    """

    id: Subject
    issuer: Name | None = None
    roles: tuple[Name, ...] = ()
    confirmed_at: Milliseconds | None = None


@dataclass(frozen=True, slots=True)
class Organisation:
    """The registered facts that one judgement is made under, with the digests that name them.

    Attributes:
        catalogue_digest, templates_digest, inventory_digest: SHA-256 over the RFC 8785 form of each
            part; what ``catalogue.changed`` and its siblings announce in the control stream.
    """

    environment: str
    tools: dict[str, Tool]
    templates: dict[str, Template]
    agents: dict[str, AgentEntry]
    users: dict[str, UserEntry]
    catalogue_digest: Digest
    templates_digest: Digest
    inventory_digest: Digest
