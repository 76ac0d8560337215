"""OPA as a server that somebody else runs, with bundles of its own or with policy and data from us."""

from __future__ import annotations

import asyncio

from remit.errors import ConfigError
from remit.net.child import Supervisor
from remit.policy.opa_api import Address, OpaApi
from remit.ports import Activation


class Serving:
    """A server with what it answers from; supervised, so that it gets its policy again when it lost it.

    Attributes:
        changing: another policy is being put there, so nothing is wrong if it does not answer.
    """

    def __init__(self, activation: Activation, api: OpaApi) -> None:
        self.activation = activation
        self.api = api
        self.changing = False

    async def ended(self) -> None:
        """It is not ours to see it end."""
        await asyncio.Event().wait()

    async def healthy(self) -> bool:
        try:
            await self.api.check(self.activation)
        except ConfigError:
            return self.changing
        return True

    async def drained(self) -> None:
        """Nothing to wait for: the connections serve the next policy too."""

    async def close(self) -> None:
        """Nothing to close: the server runs on."""


class Server:
    """An OPA that has policy and data from its own bundles."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._serving: Serving | None = None

    @property
    def current(self) -> Serving | None:
        return self._serving

    async def activate(self, activation: Activation) -> None:
        api = self._serving.api if self._serving else OpaApi(self._address)
        try:
            await api.check(activation)
        except ConfigError:
            if self._serving is None:
                await api.close()
            raise
        self._serving = Serving(activation, api)

    async def close(self) -> None:
        serving, self._serving = self._serving, None
        if serving is not None:
            await serving.api.close()


class ManagedServer:
    """An OPA that is ours alone and gets policy and data from us.

    New facts under the same rules take one step. New rules take several, and in between it answers
    nothing that counts.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._api: OpaApi | None = None
        self._supervisor: Supervisor[Serving] = Supervisor()
        self._next: Serving | None = None

    @property
    def current(self) -> Serving | None:
        return self._next or self._supervisor.current

    async def activate(self, activation: Activation) -> None:
        await self._supervisor.replace(lambda: self._start(activation))

    async def close(self) -> None:
        await self._supervisor.close()
        if self._api is not None:
            await self._api.close()

    async def _start(self, activation: Activation) -> Serving:
        """Put ``activation`` there; when that fails, what was there before."""
        if self._api is None:
            self._api = OpaApi(self._address)
        serving, last = Serving(activation, self._api), self._supervisor.current
        if last is not None:
            last.changing = True
        try:
            if last is None or not await self._put_data(serving, last):
                await serving.api.upload(activation)
                await serving.api.check(activation)
        except ConfigError:
            if last is not None:
                await last.api.upload(last.activation)
            raise
        finally:
            if last is not None:
                last.changing = False
        return serving

    async def _put_data(self, serving: Serving, last: Serving) -> bool:
        """Whether it was enough to put other facts under the same rules."""
        if serving.activation.policy_digest != last.activation.policy_digest:
            return False
        try:
            await serving.api.update_data(serving.activation)
            self._next = serving  # from here on it answers from the new facts
            await serving.api.check(serving.activation)
        except ConfigError:
            return False
        finally:
            self._next = None
        return True
