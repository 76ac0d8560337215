"""Everybody who holds a credential in a scenario. For replay alone: the credentials prove nothing."""

from __future__ import annotations

from remit.errors import TokenInvalidError
from remit.model.base import Subject
from remit.model.principal import Caller, Plane, Role

ISSUER = "scenario"
TENANT = "default"


class People:
    """``Identity`` that knows the credentials which it gave out itself."""

    def __init__(self) -> None:
        self._callers: dict[str, Caller] = {}

    def credential(
        self, subject: Subject, roles: tuple[Role, ...], plane: Plane, signed_in: int | None = None
    ) -> str:
        """A credential for ``subject``.

        Args:
            signed_in: when, epoch seconds.
        """
        caller = Caller(
            subject=subject,
            issuer=ISSUER,
            roles=roles,
            tenant=TENANT,
            plane=plane,
            interactive_at=signed_in,
        )
        handle = f"credential-{len(self._callers) + 1}"
        self._callers[handle] = caller
        return handle

    async def authenticate(self, credential: str, plane: Plane) -> Caller:
        """Who it was given to.

        Raises:
            TokenInvalidError: nobody, or for the other plane.
        """
        caller = self._callers.get(credential)
        if caller is None or caller.plane != plane:
            raise TokenInvalidError("not a credential of this scenario for this plane")
        return caller

    async def close(self) -> None:
        """Nothing is held open."""
