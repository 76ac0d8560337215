from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.identity.spiffe import MAX_ID_BYTES, SpiffeId, parse

SEGMENT = st.from_regex(r"[A-Za-z0-9._-]{1,12}", fullmatch=True).filter(lambda part: part not in {".", ".."})
TRUST_DOMAIN = st.from_regex(r"[a-z0-9._-]{1,40}", fullmatch=True)


@given(TRUST_DOMAIN, st.lists(SEGMENT, max_size=5))
def test_every_id_is_read_back(trust_domain: str, segments: list[str]) -> None:
    path = "".join(f"/{segment}" for segment in segments)
    text = f"spiffe://{trust_domain}{path}"
    assert parse(text) == SpiffeId(trust_domain, path)
    assert str(parse(text)) == text


@given(st.text(max_size=30))
def test_whatever_is_accepted_is_plain(text: str) -> None:
    for candidate in (text, f"spiffe://{text}", f"spiffe://example.org/{text}"):
        try:
            found = parse(candidate)
        except ValueError:
            continue
        assert str(found) == candidate
        assert candidate.isascii()
        assert not set(candidate[9:]) & set("%?#@:\\ \n")
        assert "//" not in candidate[9:]
        assert not candidate.endswith("/")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "spiffe://",
        "spiffe:///workload",
        "SPIFFE://example.org/a",
        "spiffe:/example.org/a",
        "https://example.org/a",
        "spiffe://Example.org/a",
        "spiffe://example.org/",
        "spiffe://example.org/a/",
        "spiffe://example.org//a",
        "spiffe://example.org/a/./b",
        "spiffe://example.org/a/../b",
        "spiffe://example.org/%61",
        "spiffe://example.org/a?x=1",
        "spiffe://example.org/a#x",
        "spiffe://user@example.org/a",
        "spiffe://example.org:443/a",
        "spiffe://example.org/a b",
        "spiffe://example.org/a\n",
        "spiffe://exämple.org/a",
        f"spiffe://{'a' * 256}/a",
        "spiffe://example.org/" + "a" * MAX_ID_BYTES,
    ],
)
def test_what_is_no_spiffe_id(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(text)
