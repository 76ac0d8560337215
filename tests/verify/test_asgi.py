"""Which path a request is for: the one that the application routes by, or the request is refused."""

from __future__ import annotations

import pytest

from remit.errors import FieldError, NotFoundError
from remit.verify.asgi import RemitMiddleware, Route

ROUTES = [
    Route("suppliers.list", "/suppliers/all", "GET"),
    Route("suppliers.get", "/suppliers/{name}", "GET"),
    Route("orders.get", "/suppliers/{name}/orders/{order}", "GET"),
]


def routed(path: str, raw: bytes | None, method: str = "GET") -> tuple[str, dict[str, str]]:
    guarded = RemitMiddleware(None, None, ROUTES)  # type: ignore[arg-type] - only the routes matter
    scope = {"type": "http", "method": method, "path": path, **({} if raw is None else {"raw_path": raw})}
    route, values = guarded._route(scope)
    return route.tool, values


@pytest.mark.parametrize(
    ("path", "raw", "tool", "values"),
    [
        ("/suppliers/acme", b"/suppliers/acme", "suppliers.get", {"name": "acme"}),
        ("/suppliers/acme", None, "suppliers.get", {"name": "acme"}),
        ("/suppliers/acme", b"/%73uppliers/acm%65", "suppliers.get", {"name": "acme"}),
        ("/suppliers/é +%41", b"/suppliers/%C3%A9%20+%2541", "suppliers.get", {"name": "é +%41"}),
        ("/suppliers/a?b", b"/suppliers/a%3Fb", "suppliers.get", {"name": "a?b"}),
        ("/suppliers/...", b"/suppliers/...", "suppliers.get", {"name": "..."}),
        ("/suppliers/all", b"/suppliers/%61ll", "suppliers.list", {}),
        ("/suppliers/a/orders/1", b"/suppliers/a/orders/1", "orders.get", {"name": "a", "order": "1"}),
    ],
)
def test_a_path_that_reads_one_way(path: str, raw: bytes | None, tool: str, values: dict[str, str]) -> None:
    assert routed(path, raw) == (tool, values)


@pytest.mark.parametrize(
    ("path", "raw"),
    [
        ("/suppliers/acme", b"/suppliers/other"),
        ("/suppliers/acme", b"/prefix/suppliers/acme"),
        ("/suppliers/acme", b"/suppliers/acme?x=1"),
        ("/suppliers/a%2Fb", b"/suppliers/a%2Fb"),
        ("/suppliers/\ufffd", b"/suppliers/%ff"),
        ("/suppliers/\xff", b"/suppliers/\xff"),
    ],
)
def test_two_paths_that_differ(path: str, raw: bytes) -> None:
    with pytest.raises(FieldError, match="path"):
        routed(path, raw)


def test_another_method() -> None:
    with pytest.raises(NotFoundError):
        routed("/suppliers/acme", b"/suppliers/acme", "HEAD")
