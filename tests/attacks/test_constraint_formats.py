"""Attack: a value that the gateway reads as inside its bounds and the tool reads as outside them.

Paths, URLs, e-mail addresses, networks and expressions, each written so that two parsers disagree.
Every one of them must simply not satisfy its constraint.
"""

import json
from typing import Any

import pytest

from remit.core.constraints import violations
from remit.model.constraint import Operators


def admitted(value: str, **given: Any) -> bool:
    return not violations({"a": Operators.model_validate_json(json.dumps(given))}, {"a": value}, {})


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "docs/../etc/passwd",
        "docs/..",
        "docs/./a",
        "docs//a",
        "docs/a/",
        "docs\\..\\a",
        "docs/%2e%2e/a",
        "docs/%252e%252e/a",
        "docs/..%2fa",
        "docs/a\x00.md",
        "docs/a\n",
        "docs/a\x7f",
        "docs/a\x85",
        "docs/a\u2028",
        "~/docs/a",
        "~root/a",
        "docs/~root/a",
        "docs/.. /a",
        "docs/.../a",
        "docs/..\u00a0/a",
        "docs/\uff0e\uff0e/a",
        "docs/\u2024\u2024/a",
        "docs/\u2025/a",
        "docs/\ufe52\ufe52/a",
        "docs/a\uff0f..\uff0fb",
        "docs/a\uff0fb",
        "docs/\uff3c..\uff3ca",
        "docs/\uff052e",
        "docs/\u2100",  # NFKC makes it "a/c"
        "docs/.\u200b./a",
        "docs/\u202egpj.a",
        "docs/\ud800",
    ],
)
def test_path(path: str) -> None:
    assert not admitted(path, path_glob=["**"])


@pytest.mark.parametrize(
    "path", ["docs/a.md", "/srv/a b/.hidden", "docs/Übersicht.md", "docs/図.png", "a..b/c"]
)
def test_an_honest_path_is_admitted(path: str) -> None:
    assert admitted(path, path_glob=["**"])


@pytest.mark.parametrize(
    "url",
    [
        "https://good.org@evil.com/",
        "https://user:pw@good.org/",
        "https://good.org:80@evil.com/",
        "https://good.org?@evil.com/",
        "https://good.org#@evil.com/",
        "https://good.org\\@evil.com/",
        "https://good.org\\.evil.com/",
        "https:\\\\good.org/",
        "https:/good.org/",
        "https:///good.org/",
        "//good.org/",
        "good.org/",
        "javascript:https://good.org/",
        "file://good.org/etc/passwd",
        "ftp://good.org/",
        "HTTPS://good.org/",
        " https://good.org/",
        "https://good.org/\n",
        "https://good.org\t.evil.com/",
        "https://go\tod.org/",
        "https://good.org/a b",
        "https://good.org./",
        "https://good.org%2eevil.com/",
        "https://good.org%00.evil.com/",
        "https://g\u043eod.org/",
        "https://good\u3002org/",
        "https://\uff47ood.org/",
        "https://good.org\u200b/",
        "https://good.org.evil.com/",
        "https://evil.com/good.org",
        "https://good..org/",
        "https://good.org:/",
        "https://good.org:80:80/",
        "https://good.org:8x/",
        "https://[good.org]/",
        "https://[::ffff:1.2.3.4]/",
        "https://0x7f000001/",
    ],
)
def test_url(url: str) -> None:
    assert not admitted(url, url_host=["good.org"])
    assert not admitted(url.replace("good.org", "good.good.org"), url_host=["*.good.org"])


@pytest.mark.parametrize(
    "url", ["https://good.org", "http://GOOD.org:8080/a@b?c=d@e#f", "https://good.org?a=b/c"]
)
def test_an_honest_url_is_admitted(url: str) -> None:
    assert admitted(url, url_host=["good.org"])


@pytest.mark.parametrize(
    "address",
    [
        "a@evil.com@good.org",
        "a@good.org@evil.com",
        "a@good.org,b@evil.com",
        "b@evil.com,a@good.org",
        "a@good.org;b@evil.com",
        "a@good.org b@evil.com",
        "b@evil.com <a@good.org>",
        "<a@good.org>",
        "(x)a@good.org",
        "a@good.org(x)",
        '"b@evil.com,"@good.org',
        '"a b"@good.org',
        "a@[10.0.0.1]",
        "a@good.org.",
        "a@good..org",
        "a@-good.org",
        "a@good.org\n",
        "a@good.org\r\nBcc: b@evil.com",
        "a\n@good.org",
        "a\x00@good.org",
        "ä@good.org",
        "a@g\u043eod.org",
        "a@\uff47ood.org",
        "b%evil.com@good.org",
        "evil.com!b@good.org",
        "-oQ/tmp/x@good.org",
        "|id@good.org",
        "`id`@good.org",
        "@good.org",
        "a@",
        "good.org",
        "a" * 65 + "@good.org",
    ],
)
def test_email(address: str) -> None:
    assert not admitted(address, email_domain=["good.org"])


def test_a_name_that_only_ends_alike_is_not_below() -> None:
    assert not admitted("https://evilgood.org/", url_host=["good.org", "*.good.org"])


def test_a_letter_that_lower_cases_into_ascii_is_not_that_letter() -> None:
    assert "\u212a".lower() == "k"
    assert not admitted("a@ban\u212a.org", email_domain=["bank.org"])
    assert not admitted("https://ban\u212a.org/", url_host=["bank.org"])


@pytest.mark.parametrize("address", ["a@good.org", "O'Neil.x+tag_1@GOOD.org", "a-b@good.org"])
def test_an_honest_address_is_admitted(address: str) -> None:
    assert admitted(address, email_domain=["good.org"])


@pytest.mark.parametrize(
    "address",
    [
        "010.0.0.1",
        "0x0a.0.0.1",
        "10.1",
        "167772161",
        "10.0.0.1 ",
        " 10.0.0.1",
        "10.0.0.1\n",
        "1\u0660.0.0.1",
        "10.0.0.0/0.0.0.255",
        "10.0.0.0/255.0.0.0",
        "10.0.0.0/08",
        "10.0.0.0/-1",
        "10.0.0.0/",
        "10.0.0.1/7",
        "0.0.0.0/0",
        "::ffff:11.0.0.1",
        "::ffff:0:0/95",
        "::ffff:10.0.0.1%eth0",
        "::10.0.0.1",
        "64:ff9b::10.0.0.1",
    ],
)
def test_network(address: str) -> None:
    assert not admitted(address, cidr=["10.0.0.0/8"])


def test_a_line_end_is_not_the_end_of_a_match() -> None:
    assert admitted("abc", pattern="^abc$")
    assert not admitted("abc\n", pattern="^abc$")
    assert not admitted("abc\nx", pattern="abc")
    assert not admitted("x\nabc", pattern="(?m)^abc$")
