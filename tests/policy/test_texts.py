"""The words for reason codes are generated, fresh, and whole."""

from __future__ import annotations

import pytest

from remit.errors import ConfigError
from remit.model.reasons import CORE, REASONS, is_known
from remit.policy import texts
from remit.policy.bundle import shipped_rego


@pytest.fixture(scope="module")
def generated(opa):
    return texts.policy_reasons(texts.metadata(str(opa), shipped_rego()))


def test_the_module_is_fresh(generated) -> None:
    assert texts.MODULE.read_text(encoding="utf-8") == texts.render_module(generated), "run `make texts`"


def test_the_page_is_fresh(generated) -> None:
    assert texts.DOCS.read_text(encoding="utf-8") == texts.render_docs((*CORE, *generated)), (
        "run `make texts`"
    )


@pytest.mark.parametrize("code", REASONS)
def test_every_reason_is_explained_to_people(code: str) -> None:
    reason = REASONS[code]
    assert reason.title
    assert not reason.title.endswith(".")
    assert reason.description.endswith(".")
    assert reason.remedy.endswith(".")
    assert f"### {code}\n" in texts.DOCS.read_text(encoding="utf-8")


def test_extensions_have_codes_of_their_own() -> None:
    assert is_known("X_ANYTHING")
    assert not is_known("ANYTHING")
    assert not [code for code in REASONS if code.startswith("X_")]


def _block(**changes):
    custom = {"code": "A_CODE", "remedy": "Do it."}
    described = {"title": "T", "description": "D.", "custom": custom} | changes
    return {"annotations": described, "location": {"file": "x.rego", "row": 7}}


def test_a_code_without_words_is_refused() -> None:
    for broken in ({"title": ""}, {"description": None}, {"custom": {"code": "A_CODE"}}):
        with pytest.raises(ConfigError, match=r"x\.rego:7"):
            texts.policy_reasons([_block(**broken)])


def test_a_code_described_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="a second time"):
        texts.policy_reasons([_block(), _block()])


def test_metadata_without_a_code_is_not_a_reason() -> None:
    assert texts.policy_reasons([_block(custom={})]) == ()
