"""The same files and facts always make the same activation; any change makes another."""

from __future__ import annotations

import dataclasses
import json

from remit.core.canonical import canonical
from remit.model.tool import Tool
from remit.policy.manifest import PolicySettings, activation, data_document


def test_it_is_deterministic(corpus) -> None:
    assert corpus.in_force() == corpus.in_force()
    assert list(corpus.in_force().modules) == sorted(corpus.in_force().modules)


def test_rules_and_facts_have_digests_of_their_own(corpus) -> None:
    base, ruled = corpus.in_force(), corpus.in_force(shop=corpus.EXTENSION)
    settled = activation(corpus.organisation(), PolicySettings(max_secret_age_days=1))
    assert base.policy_digest != ruled.policy_digest
    assert base.data_digest == ruled.data_digest
    assert base.policy_digest == settled.policy_digest
    assert base.data_digest != settled.data_digest
    assert len({base.revision, ruled.revision, settled.revision}) == 3


def test_every_answer_must_name_every_rule_file(corpus) -> None:
    packages = corpus.in_force(shop=corpus.EXTENSION).packages
    assert {"call/limits", "lib/entitlement", "extension/call", "custom/shop/call"} <= packages["call"]
    assert {"run/entitlement", "lib/entitlement", "extension/run"} <= packages["run"]
    assert not [name for name in packages["run"] if name.startswith(("call", "plan", "custom"))]


def test_the_data_names_the_revision(corpus) -> None:
    made = corpus.in_force()
    assert made.data["settings"]["revision"] == made.revision
    assert made.data["settings"]["environment"] == "test"


def test_the_review_is_overdue_from_its_day_on(corpus) -> None:
    data = data_document(corpus.organisation(), PolicySettings())
    assert data["templates"]["stale"]["review_by_epoch"] == corpus.NOW


def test_where_secrets_are_is_not_policys_business(corpus) -> None:
    secret = {"source": "env:BANK_KEY", "issued": "2026-01-01"}
    tool = Tool.model_validate_json(json.dumps(corpus.TOOL | {"secret": secret}))
    organisation = dataclasses.replace(corpus.organisation(), tools={"pay": tool})
    assert b"BANK_KEY" not in canonical(data_document(organisation, PolicySettings()))
