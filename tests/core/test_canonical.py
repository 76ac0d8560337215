"""The byte form that everything is hashed in: RFC 8785's own vectors, golden digests, and its algebra."""

import hashlib
import json
import struct

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from remit.core.canonical import b64url, canonical, digest, pointer_token, salted_hash, sha256, un_b64url
from remit.errors import FieldError
from remit.model.base import MAX_SAFE_INTEGER

# RFC 8785 appendix B: IEEE 754 bits and the ECMAScript form.
NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555554": "333333333.33333325",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(("bits", "expected"), NUMBERS.items())
def test_numbers_are_written_as_the_rfc_says(bits: str, expected: str) -> None:
    assert canonical(struct.unpack(">d", bytes.fromhex(bits))[0]) == expected.encode()


def test_the_rfcs_example_and_its_order_of_names() -> None:
    # RFC 8785 sections 3.2.2 and 3.2.3: sorted by UTF-16 code units, so U+1F600 comes before U+FB33.
    example = {"numbers": [333333333.33333329, 1e30, 4.5, 2e-3, 1e-27], "literals": [None, True, False]}
    assert canonical(example) == (
        b'{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27]}'
    )
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    assert list(json.loads(canonical(dict.fromkeys(names)))) == [
        "\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33",
    ]  # fmt: skip


def test_strings_are_escaped_as_little_as_allowed() -> None:
    assert (
        canonical('\u20ac$\u000f\nA\'B"\\"/\x7f\u2028') == '"€$\\u000f\\nA\'B\\"\\\\\\"/\x7f\u2028"'.encode()
    )


def test_golden_digests() -> None:
    # These bytes are in logs and tokens out there: a change here is a change of format.
    assert digest({"b": 2, "a": [1.0, "é"]}) == hashlib.sha256('{"a":[1,"é"],"b":2}'.encode()).hexdigest()
    assert sha256(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert salted_hash(b"\x00" * 16, b"{}") == "MzsT_wL1euGASbgspm83WSxaPY_VTkTiOuXHCFwk_So"


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"a": [1, float("nan")]}, "/a/1"),
        ({"a": {"b/c~d": float("inf")}}, "/a/b~1c~0d"),
        ({"n": MAX_SAFE_INTEGER + 1}, "/n"),
        ([-MAX_SAFE_INTEGER - 1], "/0"),
        ({"s": "\ud800"}, "/s"),
        ({"o": {"\udfff": 1}}, "/o/?"),
        (float("nan"), "/"),
    ],
)
def test_what_has_no_canonical_form_is_refused_by_name(value: object, field: str) -> None:
    with pytest.raises(FieldError) as refused:
        canonical(value)
    assert refused.value.field == field
    assert str(MAX_SAFE_INTEGER + 1) not in refused.value.problem


@pytest.mark.parametrize("depth", [600, 100_000])
def test_deep_nesting_is_refused_and_not_a_crash(depth: int) -> None:
    value: object = float("nan")
    for _ in range(depth):
        value = [value]
    with pytest.raises(FieldError):
        canonical(value)


@given(json_values)
def test_a_canonical_form_reads_back_as_the_same_value_and_the_same_bytes(value: object) -> None:
    raw = canonical(value)
    again = json.loads(raw, parse_int=float)  # as the RFC reads numbers: 1e16 is written as an integer
    assert again == value
    assert canonical(again) == raw


@given(st.dictionaries(st.text(), json_values, min_size=2, max_size=5))
def test_the_order_of_members_does_not_matter(value: dict[str, object]) -> None:
    assert canonical(dict(reversed(value.items()))) == canonical(value)


@given(json_values, json_values)
def test_different_values_have_different_bytes(one: object, other: object) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert not same or canonical(one) == canonical(other)
    if canonical(one) == canonical(other):
        assert one == other


@given(st.binary())
def test_base64url_round_trips(raw: bytes) -> None:
    assert un_b64url(b64url(raw)) == raw


@pytest.mark.parametrize("text", ["AA==", "A", "AB", "A+", "A/8", "é", "AA AA", "AA\n", "=", "_-_-_"])
def test_only_one_text_stands_for_the_same_bytes(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        un_b64url(text)


def test_pointer_tokens_are_escaped() -> None:
    assert pointer_token("a/b~c") == "a~1b~0c"


@given(json_values)
def test_the_short_way_writes_what_the_reference_implementation_writes(value: object) -> None:
    try:
        expected = rfc8785.dumps(value)  # type: ignore[arg-type]
    except (rfc8785.CanonicalizationError, UnicodeEncodeError):
        with pytest.raises(FieldError):
            canonical(value)  # type: ignore[arg-type]
    else:
        assert canonical(value) == expected  # type: ignore[arg-type]
