"""The JSON Schemas of the files that operators write, for editors that complete from them."""

from __future__ import annotations

import json
from typing import Final

from pydantic import BaseModel

from remit.config import RemitConfig
from remit.core.registration import Catalogue, Inventory, Templates
from remit.replay.scenario import Scenario

SCHEMAS: Final[dict[str, type[BaseModel]]] = {
    "remit": RemitConfig,
    "catalogue": Catalogue,
    "templates": Templates,
    "inventory": Inventory,
    "scenario": Scenario,
}


def schema_files() -> dict[str, str]:
    """Every schema, by the path that the files' first line names."""
    return {
        f"schemas/{name}.schema.json": json.dumps(model.model_json_schema(by_alias=True), indent=1) + "\n"
        for name, model in SCHEMAS.items()
    }
