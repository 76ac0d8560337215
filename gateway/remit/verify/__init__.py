"""The tool's side: verify call tokens offline, know what is revoked, use each token once.

It works without the rest of remit (neither pydantic nor a policy engine nor a store), and an HTTP
client is imported only by ``connect``, ``feed``, ``introspection`` and ``aiohttp``.
"""

from remit.verify.once import Once
from remit.verify.registers import Registers
from remit.verify.token import Grant, verify_call_token
from remit.verify.verifier import DEFAULT_LEASE_S, Risk, Verifier

__all__ = [
    "DEFAULT_LEASE_S",
    "Grant",
    "Once",
    "Registers",
    "Risk",
    "Verifier",
    "verify_call_token",
]
