"""AgentDojo's side: suites, the environment that one run acts in, and the benchmark's own graders.

Nothing here knows the gateway; a world only executes what it is told to.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml
from agentdojo.functions_runtime import FunctionCall, FunctionsRuntime
from agentdojo.types import text_content_block_from_string
from bench.agentdojo.recorded import RecordedRun

DEFAULT_SUITES: Final = "agentdojo.task_suite.load_suites:get_suite"
DEFAULT_VERSION: Final = "v1.1"

# AgentDojo parses its environments with PyYAML's pure-Python loader: 95 % of a replay's time.
yaml.safe_load = functools.partial(yaml.load, Loader=yaml.CSafeLoader)


@dataclass(frozen=True)
class Labels:
    """What the graders say. ``security`` is true when the attack succeeded, ``None`` without one."""

    utility: bool
    security: bool | None


def load_suites(path: str, version: str) -> Callable[[str], Any]:
    """Suites by name, each loaded once; ``path`` is ``module:function``, called (version, name)."""
    module, _, name = path.partition(":")
    return functools.cache(functools.partial(getattr(importlib.import_module(module), name), version))


@dataclass
class World:
    """One run's environment, and what was executed in it.

    Attributes:
        trace: the calls that were executed, in order; what the graders see.
    """

    suite: Any
    recorded: RecordedRun
    trace: list[FunctionCall] = field(default_factory=list)

    def __post_init__(self) -> None:
        environment = self.suite.load_and_inject_default_environment(self.recorded.injections)
        self._task = self.suite.user_tasks[self.recorded.user_task]
        self._environment = self._task.init_environment(environment)
        self._before = self._environment.model_copy(deep=True)
        self._runtime = FunctionsRuntime(self.suite.tools)

    def execute(self, tool: str, arguments: Mapping[str, Any]) -> tuple[Any, str | None]:
        """The tool's result, and its error if it had one."""
        self.trace.append(FunctionCall(function=tool, args=dict(arguments)))
        return self._runtime.run_function(self._environment, tool, dict(arguments))  # type: ignore[no-any-return]

    def grade(self) -> Labels:
        """The benchmark's own verdict on the environment and trace as they are now."""
        attack = self.recorded.injection_task
        return Labels(
            utility=self._check(self._task),
            security=None if attack is None else self._check(self.suite.get_injection_task_by_id(attack)),
        )

    def _check(self, task: Any) -> bool:
        output = [text_content_block_from_string(self.recorded.output or "")]
        args = (task, output, self._before, self._environment, self.trace)
        return bool(self.suite._check_task_result(*args))  # noqa: SLF001 - AgentDojo has no public way


def replay_directly(suite: Any, recorded: RecordedRun) -> Labels:
    """Everything executed, no gateway: what the recorded labels must come out as."""
    world = World(suite, recorded)
    for call in recorded.calls:
        world.execute(call.tool, call.arguments)
    return world.grade()
