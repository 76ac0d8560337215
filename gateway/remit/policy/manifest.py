"""What is put in force, as one value: modules, data, the packages that must answer, and digests.

The same files and facts always make the same activation, byte for byte.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import Field

from remit.core.canonical import digest
from remit.errors import ConfigError
from remit.model.base import JsonObject, Model
from remit.model.decision import Question
from remit.model.organisation import Organisation
from remit.model.template import Template
from remit.policy.bundle import QUESTIONS, extension_packages, gather_module, read_modules, shipped_rego
from remit.ports import Activation

DEFAULT_MAX_SECRET_AGE_DAYS: Final = 90
_DIGITS: Final = 16
"""How much of each digest a revision shows."""


class PolicySettings(Model):
    """The numbers that the shipped rules leave to the organisation.

    Attributes:
        max_secret_age_days: how old a tool's static secret may be, days.
    """

    max_secret_age_days: Annotated[int, Field(ge=1, le=3650)] = DEFAULT_MAX_SECRET_AGE_DAYS


def activation(
    organisation: Organisation,
    settings: PolicySettings | None = None,
    extensions: Mapping[str, str] | None = None,
) -> Activation:
    """The shipped policy with an organisation's facts and extensions, ready to be put in force.

    Args:
        extensions: Rego source by path, as ``read_extensions`` gives it.

    Raises:
        ConfigError: a file is missing or breaks the portable profile.
    """
    data = data_document(organisation, settings or PolicySettings())
    return manifest(read_modules(shipped_rego()), data, extensions or {})


def manifest(shipped: Mapping[str, str], data: JsonObject, extensions: Mapping[str, str]) -> Activation:
    """The activation of these modules and this data, which does not yet name a revision."""
    gathered = extension_packages(extensions)
    modules = {**shipped, **extensions} | {
        f"remit/extension/{question}.rego": gather_module(question, packages)
        for question, packages in gathered.items()
    }
    modules = dict(sorted(modules.items()))
    policy_digest, data_digest = digest({**modules}), digest(data)
    revision = f"{policy_digest[:_DIGITS]}-{data_digest[:_DIGITS]}"
    return Activation(
        modules=modules,
        data=_with_revision(data, revision),
        packages={question: _expected(question, shipped, gathered[question]) for question in QUESTIONS},
        revision=revision,
        policy_digest=policy_digest,
        data_digest=data_digest,
    )


def data_document(organisation: Organisation, settings: PolicySettings) -> JsonObject:
    """What ``data.remit`` holds of an organisation; no secrets, not even where they are kept."""
    return {
        "templates": {key: _template(value) for key, value in organisation.templates.items()},
        "catalogue": {
            key: value.model_dump(mode="json", by_alias=True, exclude={"secret"})
            for key, value in organisation.tools.items()
        },
        "inventory": {
            "agents": {key: value.model_dump(mode="json") for key, value in organisation.agents.items()},
            "users": {key: value.model_dump(mode="json") for key, value in organisation.users.items()},
        },
        "settings": {"environment": organisation.environment, **settings.model_dump()},
    }


def _template(template: Template) -> JsonObject:
    """A template, and the first second at which its review is overdue."""
    midnight = datetime.datetime.combine(template.review_by, datetime.time.min, datetime.UTC)
    return {**template.model_dump(mode="json", by_alias=True), "review_by_epoch": int(midnight.timestamp())}


def _with_revision(data: JsonObject, revision: str) -> JsonObject:
    settings = data.get("settings")
    if not isinstance(settings, dict):
        raise ConfigError("data.remit.settings", "must be an object")
    return {**data, "settings": {**settings, "revision": revision}}


def _expected(question: Question, shipped: Mapping[str, str], extensions: tuple[str, ...]) -> frozenset[str]:
    """Every rule file that an answer must name, by its path without suffix below ``remit/``."""
    files = (path.removeprefix("remit/").removesuffix(".rego") for path in shipped)
    own = {name for name in files if name.split("/")[0] in {question, "lib"}}
    gathered = {package.replace(".", "/") for package in extensions}
    return frozenset(own | gathered | {f"extension/{question}"})
