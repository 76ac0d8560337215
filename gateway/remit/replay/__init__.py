"""The workbench: scenarios played through the very flows that the gateway serves.

Nothing here judges: it asks the flows, and compares what they said with what was expected.
"""

from remit.replay.library import Found, find, load
from remit.replay.report import Result, as_json, write_junit
from remit.replay.runner import Player
from remit.replay.scenario import Scenario, scenario_schema

__all__ = [
    "Found",
    "Player",
    "Result",
    "Scenario",
    "as_json",
    "find",
    "load",
    "scenario_schema",
    "write_junit",
]
