"""The shape of ``remit.yaml``. Every field may be overridden by ``REMIT_<FIELD>`` (``__`` nests)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from remit.flows.settings import FlowSettings
from remit.identity.settings import IssuerConfig
from remit.model.base import Name
from remit.model.tool import Environment


class Section(BaseModel):
    """Closed and frozen; numbers may be text, because the environment knows nothing else."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Listener(Section):
    """Where a plane listens, and the URL by which others know it.

    Attributes:
        url: the external URL; never derived from a request. Empty: ``http://host:port``.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)]
    url: str = ""

    def external(self) -> str:
        """The external URL, without a trailing slash."""
        return (self.url or f"http://{self.host}:{self.port}").rstrip("/")


class StoreSettings(Section):
    """Where the log is.

    Attributes:
        synchronous: ``FULL`` syncs every commit to disk before it is answered; ``NORMAL`` only those
            that revoke, amend, end or approve.
    """

    kind: Literal["sqlite", "memory"] = "sqlite"
    path: Path = Path("remit.db")
    synchronous: Literal["FULL", "NORMAL"] = "FULL"
    writer: Name = "gateway"


class EngineSettings(Section):
    """Which engine answers. Chosen once, never switched at run time.

    Attributes:
        kind: ``embedded``: Regorus in a child process. ``opa``: a real OPA.
        url: a running OPA server; empty starts one as a child, from ``binary``.
        token_env: the environment variable that holds the OPA server's bearer token.
        manage: whether policy and data are uploaded to the server (a bundle serves them otherwise).
        deadline_ms: how long an answer may take; later ones are denials.
    """

    kind: Literal["embedded", "opa"] = "embedded"
    url: str = ""
    binary: str = "opa"
    token_env: str = ""
    manage: bool = True
    deadline_ms: Annotated[int, Field(ge=10, le=10_000)] = 250


class PolicyFiles(Section):
    """Rego of one's own, and the numbers that the shipped rules read.

    Attributes:
        extensions: folders with packages ``custom.<name>.<question>``; they may deny and hold.
    """

    extensions: tuple[Path, ...] = ()
    max_secret_age_days: Annotated[int, Field(ge=1)] = 90


class LogSettings(Section):
    """How the process talks on standard error.

    Attributes:
        format: ``auto``: lines for people on a terminal, JSON anywhere else.
    """

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"


class RemitConfig(Section):
    """``remit.yaml``. Paths are relative to its folder.

    Attributes:
        environment: what this gateway guards (``dev``, ``prod``); tools of another are refused.
        data: the folder of the log, the keys and the witness.
        dev_issuer: switches the UNSAFE development issuer on.
        flows: the numbers of ``FlowSettings`` that differ from their defaults.
    """

    environment: Environment
    agent: Listener = Listener(port=8700)
    admin: Annotated[Listener, Field(validate_default=True)] = Listener(port=8701)
    data: Path = Path("remit-data")
    store: StoreSettings = StoreSettings()
    engine: EngineSettings = EngineSettings()
    policy: PolicyFiles = PolicyFiles()
    issuers: tuple[IssuerConfig, ...] = ()
    dev_issuer: bool = False
    tenants: Annotated[tuple[Name, ...], Field(min_length=1)] = ("default",)
    catalogue: Path = Path("catalogue")
    templates: Path = Path("templates")
    inventory: Path = Path("inventory")
    flows: dict[str, int] = Field(default_factory=dict)
    log: LogSettings = LogSettings()
    root: Path = Path()

    @field_validator("admin")
    @classmethod
    def _own_port(cls, admin: Listener, info: ValidationInfo) -> Listener:
        agent = info.data.get("agent")
        if agent is not None and admin.port and (admin.host, admin.port) == (agent.host, agent.port):
            raise ValueError(f"admin.port and agent.port are both {admin.port}; each plane needs its own")
        return admin

    @field_validator("flows")
    @classmethod
    def _flow_numbers(cls, flows: dict[str, int]) -> dict[str, int]:
        if set(flows) & {"issuer", "admin_audience", "tenants"}:
            raise ValueError("only numbers; the listeners and tenants have settings of their own")
        try:
            FlowSettings.model_validate({"issuer": "", "admin_audience": "", **flows})
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise ValueError(f"{first['loc'][0]}: {first['msg']}") from error
        return flows

    def flow_settings(self) -> FlowSettings:
        """The flows' settings."""
        return FlowSettings(
            issuer=self.agent.external(),
            admin_audience=self.admin.external(),
            tenants=self.tenants,
            **self.flows,
        )

    def at(self, path: Path) -> Path:
        """``path``, relative to the configuration's folder."""
        return path if path.is_absolute() else self.root / path
