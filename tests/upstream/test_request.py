from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.core.canonical import canonical, un_b64url
from remit.errors import NotSentError
from remit.model.base import JsonObject
from remit.model.tool import HttpBinding, Tool
from remit.ports import UpstreamCall
from remit.upstream.request import ARGUMENTS_HEADER, MAX_ARGUMENTS_HEADER_CHARS, HttpRequest, build
from remit.verify.requests import Parts, arguments_of


def _build(arguments: JsonObject, /, **binding: Any) -> HttpRequest:
    http = HttpBinding(**{"url": "https://crm.example/call", **binding})
    tool = Tool(
        name="crm.find",
        server="crm",
        owner="crm@example.com",
        environment="prod",
        resource="https://crm.example",
        http=http,
        schema={"type": "object"},
    )
    return build(UpstreamCall(tool, "c1", arguments, canonical(arguments), "t0ken"), http)


def test_the_body_is_the_canonical_form() -> None:
    request = _build({"b": 1.0, "a": "ü"})
    assert request.body == '{"a":"ü","b":1}'.encode()
    assert request.headers["Content-Type"] == "application/json"
    assert ARGUMENTS_HEADER not in request.headers


def test_query_values_and_the_header_that_covers_them() -> None:
    arguments: JsonObject = {"q": "a&b=c/d e", "limit": 10, "exact": True, "ratio": 0.5}
    request = _build(arguments, method="GET", arguments="query", url="https://crm.example/find?v=2")
    assert request.body is None
    assert (
        str(request.url) == "https://crm.example/find?v=2&q=a%26b%3Dc%2Fd%20e&limit=10&exact=true&ratio=0.5"
    )
    assert un_b64url(request.headers[ARGUMENTS_HEADER]) == canonical(arguments)


def test_a_path_argument_is_covered_by_the_header_and_left_out_of_the_query() -> None:
    arguments: JsonObject = {"id": "a b%2F", "full": False}
    request = _build(arguments, method="GET", arguments="query", url="https://crm.example/users/u-{id}/card")
    assert str(request.url) == "https://crm.example/users/u-a%20b%252F/card?full=false"
    assert un_b64url(request.headers[ARGUMENTS_HEADER]) == canonical(arguments)


def test_the_body_is_whole_even_with_a_path_argument() -> None:
    arguments: JsonObject = {"id": 7, "card": {"n": 1.0}}
    request = _build(arguments, url="https://crm.example/users/{id}/card")
    assert (str(request.url), request.body) == ("https://crm.example/users/7/card", canonical(arguments))
    assert un_b64url(request.headers[ARGUMENTS_HEADER]) == canonical(arguments)


_SIMPLE = st.text() | st.integers(-(2**53) + 1, 2**53 - 1) | st.booleans() | st.floats(-1e9, 1e9)


@given(
    st.dictionaries(st.text(max_size=8), _SIMPLE, max_size=4),
    st.sampled_from(["json", "query"]),
    st.booleans(),
)
def test_the_verifier_reads_exactly_what_was_judged(arguments: JsonObject, where: str, in_path: bool) -> None:
    arguments = {**arguments, "id": "7 ü+&"} if in_path else arguments
    url = "https://crm.example/call" + "/{id}" * in_path
    request = _build(arguments, method="POST", arguments=where, url=url)
    parts = Parts(
        path={"id": unquote(request.url.raw_path.split("/")[2])} if in_path else {},
        query=parse_qsl(request.url.raw_query_string, keep_blank_values=True),
        body=request.body or b"",
        header=request.headers.get(ARGUMENTS_HEADER),
    )
    assert canonical(arguments_of(parts)) == canonical(arguments)


@pytest.mark.parametrize(
    "value", ["", ".", "..", "a/b", "../b", "a\\b", "a\nb", "\x00", None, ["x"], {"x": 1}]
)
def test_what_no_path_segment_may_hold(value: Any) -> None:
    with pytest.raises(NotSentError, match="'id'"):
        _build({"id": value}, url="https://crm.example/users/{id}")


def test_two_arguments_cannot_make_a_parent_segment_together() -> None:
    with pytest.raises(NotSentError, match="relative"):
        _build({"a": ".", "b": "."}, url="https://crm.example/users/{a}{b}/card")


@given(st.text())
def test_a_path_argument_stays_one_segment(value: str) -> None:
    try:
        request = _build({"id": value}, url="https://crm.example/users/{id}/card")
    except NotSentError:
        return
    before, segment, after = request.url.raw_path.strip("/").split("/")
    assert (before, unquote(segment), after) == ("users", value, "card")
    assert request.url.raw_host == "crm.example"
    assert not request.url.raw_query_string


def test_an_argument_cannot_shadow_a_fixed_parameter() -> None:
    with pytest.raises(NotSentError, match="'tenant'"):
        _build({"tenant": "b"}, arguments="query", url="https://crm.example/find?tenant=a")


@pytest.mark.parametrize("value", [None, ["x"], {"x": 1}])
def test_no_structures_in_a_query(value: Any) -> None:
    with pytest.raises(NotSentError, match="'q'"):
        _build({"q": value}, arguments="query")


def test_a_missing_path_argument_and_a_header_that_is_too_long() -> None:
    with pytest.raises(NotSentError, match="needs it"):
        _build({}, url="https://crm.example/users/{id}")
    with pytest.raises(NotSentError, match="too long"):
        _build({"q": "x" * MAX_ARGUMENTS_HEADER_CHARS}, arguments="query")


def test_repr_shows_no_argument() -> None:
    assert "s3cret" not in repr(_build({"q": "s3cret"}, arguments="query"))
