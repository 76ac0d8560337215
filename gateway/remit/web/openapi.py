"""The OpenAPI 3.1 document, made from the routes and the models that serve them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from remit import __version__
from remit.web.answers import Problem
from remit.web.problems import PROBLEM
from remit.web.routes import Route

REF: Final = "#/components/schemas/{model}"
EVERY_DOOR: Final = (400, 500, 503)
"""What any operation may answer."""
WITH_CREDENTIAL: Final = (401, 403)
WITH_BODY: Final = (413, 415, 422)
WITH_QUERY: Final = (422,)
CHANGING: Final = (429,)
"""What may meet a full queue."""


def document(title: str, routes: Iterable[Route], server: str) -> dict[str, Any]:
    """The document of one plane, served at ``server``."""
    routes = list(routes)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": __version__, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": server}],
        "paths": _paths(routes),
        "components": {
            "schemas": _schemas(routes),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _paths(routes: list[Route]) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return paths


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.handler.__name__,
        "summary": route.summary,
        "parameters": [*_path_parameters(route.path), *_query_parameters(route.query)],
        "responses": _responses(route),
    }
    if route.credential is not None:
        operation["security"] = [{"bearer": []}]
        operation["description"] = f"Credential: {route.credential}."
    if route.body is not None:
        content = {"application/json": {"schema": _ref(route.body)}}
        needed = any(field.is_required() for field in route.body.model_fields.values())
        operation["requestBody"] = {"required": needed, "content": content}
    return operation


def _responses(route: Route) -> dict[str, Any]:
    models = {route.status: route.answer, **route.also}
    good = {str(status): _good(route.summary, model) for status, model in models.items()}
    problem = {"description": "A problem (RFC 9457)", "content": {PROBLEM: {"schema": _ref(Problem)}}}
    statuses = {*EVERY_DOOR, *route.problems}
    statuses |= set(WITH_CREDENTIAL) if route.credential else set()
    statuses |= set(WITH_BODY) if route.body else set()
    statuses |= set(WITH_QUERY) if route.query else set()
    statuses |= set(CHANGING) if route.method != "GET" else set()
    return {**good, **{str(status): problem for status in sorted(statuses)}}


def _good(summary: str, model: type[BaseModel] | None) -> dict[str, Any]:
    if model is None:
        return {"description": summary}
    return {"description": summary, "content": {"application/json": {"schema": _ref(model)}}}


def _schemas(routes: list[Route]) -> dict[str, Any]:
    named: dict[str, type[BaseModel]] = {Problem.__name__: Problem}
    for route in routes:
        models_of = (route.body, route.answer, *route.also.values())
        named.update({model.__name__: model for model in models_of if model is not None})
    models = [named[name] for name in sorted(named)]
    _, definitions = models_json_schema([(model, "validation") for model in models], ref_template=REF)
    found: dict[str, Any] = definitions["$defs"]
    return found


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", path)
    ]


def _query_parameters(query: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "required": False, "description": words, "schema": {"type": "string"}}
        for name, words in query.items()
    ]


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": REF.format(model=model.__name__)}
