"""YAML text into models, with the line of whatever is wrong. JSON's data model, nothing more.

Dates stay text, a name may occur once, and tags, anchors, merge keys and scalars that YAML 1.1 reads its
own way (``no``, ``010``, ``1:30``) are refused: what a reviewer reads is what is loaded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from remit.errors import ConfigError
from remit.model.base import Json

M = TypeVar("M", bound=BaseModel)

MAX_DOCUMENT_CHARS: Final = 4_194_304
MAX_DOCUMENT_DEPTH: Final = 64
"""How deep mappings and sequences may nest; far below what would exhaust the parser's stack."""
_JSON_SCALAR: Final = re.compile(r"null|true|false|-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_PLAIN: Final = {"bool", "int", "float", "null"}
_TAG: Final = "tag:yaml.org,2002:"
_TAGS: Final = {*_PLAIN, "str", "map", "seq"}
"""The tags that may be written out; they only say what JSON has a type for."""


class Document:
    """A parsed YAML document.

    Attributes:
        where: the file's name, for messages.
        value: its content as JSON.
    """

    def __init__(self, text: str, where: str) -> None:
        self.where = where
        if len(text) > MAX_DOCUMENT_CHARS:
            raise ConfigError(where, f"longer than {MAX_DOCUMENT_CHARS} characters")
        try:
            _refuse_structure(text, where)
            self._node = yaml.compose(text, Loader=yaml.CSafeLoader)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise ConfigError(f"{where}:{line}", f"not YAML: {error.problem}") from error
        except yaml.YAMLError as error:
            raise ConfigError(where, "not YAML text") from error
        self.value: Json = None if self._node is None else self._plain(self._node)

    def model(self, kind: type[M], value: Json = None) -> M:
        """The document (or ``value``, when something was merged into it) as a ``kind``.

        Raises:
            ConfigError: names the file, the line, the field and what is wrong.
        """
        try:
            return kind.model_validate_json(json.dumps(self.value if value is None else value))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            path = ".".join(str(part) for part in first["loc"])
            raise ConfigError(f"{self.where}:{self.line(first['loc'])}", f"{path}: {first['msg']}") from error

    def line(self, path: Sequence[str | int]) -> int:
        """The line (from 1) of the value at ``path``, or of the nearest thing around it."""
        node = self._node
        if node is None:
            return 1
        for part in path:
            inner = _member(node, part)
            if inner is not None:
                node = inner
        return int(node.start_mark.line) + 1

    def _plain(self, node: yaml.Node) -> Json:
        match node:
            case yaml.MappingNode():
                return self._mapping(node)
            case yaml.SequenceNode():
                return [self._plain(item) for item in node.value]
            case yaml.ScalarNode():
                return self._scalar(node)
        raise ConfigError(self.where, "not JSON's data model")

    def _mapping(self, node: yaml.MappingNode) -> Json:
        found: dict[str, Json] = {}
        for key, value in node.value:
            where = f"{self.where}:{key.start_mark.line + 1}"
            if not isinstance(key, yaml.ScalarNode) or key.tag == f"{_TAG}merge":
                raise ConfigError(where, "a name must be plain text")
            if key.value in found:
                raise ConfigError(where, f"{key.value} is there twice")
            found[key.value] = self._plain(value)
        return found

    def _scalar(self, node: yaml.ScalarNode) -> Json:
        kind = node.tag.removeprefix(_TAG)
        if kind not in {*_PLAIN, "str", "timestamp"}:
            raise ConfigError(f"{self.where}:{node.start_mark.line + 1}", f"the tag {node.tag} is not read")
        if kind not in _PLAIN:
            return str(node.value)
        text = "null" if kind == "null" and node.value in {"", "~"} else node.value
        if not _JSON_SCALAR.fullmatch(text):
            raise ConfigError(
                f"{self.where}:{node.start_mark.line + 1}", f"{text}: write it as JSON does, or quote it"
            )
        scalar: Json = json.loads(text)
        return scalar


def _member(node: yaml.Node, part: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == str(part)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        found: yaml.Node = node.value[part]
        return found
    return None


def _refuse_structure(text: str, where: str) -> None:
    """Refuse what makes a small file large or hides what is where (anchors), tags, and endless nesting."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DOCUMENT_DEPTH:
            raise ConfigError(where, f"nested deeper than {MAX_DOCUMENT_DEPTH}")
        line = event.start_mark.line + 1 if event.start_mark else 1
        tag = getattr(event, "tag", None)
        if tag is not None and tag.removeprefix(_TAG) not in _TAGS:
            raise ConfigError(f"{where}:{line}", f"the tag {tag} is not read")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise ConfigError(f"{where}:{line}", "anchors and aliases are not read")
