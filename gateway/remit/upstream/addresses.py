"""Which addresses a tool may be reached at, checked on the very address that is connected to.

A name is resolved once and its answer is what is connected to, so a name that resolves differently
the second time (DNS rebinding) gains nothing. Nothing here may trust a host by its name.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

AddressInfo = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int]]

_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
"""All that is allocated to public hosts. Whatever wraps an IPv4 address in another prefix (mapped
``::ffff:0:0/96``, NAT64 ``64:ff9b::/96``) is outside of it, and so refused."""

_NOT_PUBLIC: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        # The IANA special-purpose registries, spelled out because what ``is_global`` says of them
        # differs between patch releases of Python.
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; a cloud's metadata service lives here too
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local; 169.254.169.254 is the usual metadata service
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
        "168.63.129.16/32",  # a cloud's host agent on a public-looking address
        "2001::/23",  # protocol assignments, Teredo included
        "2001:db8::/32",
        "2002::/16",  # 6to4 wraps an IPv4 address
        "3fff::/20",
    )
)


class AddressRefusedError(OSError):
    """The address is not a public one. An ``OSError``, since that is what a failed connect raises."""


def is_public(address: str) -> bool:
    """Whether ``address`` (canonical text, a zone allowed) is that of a public host."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if ip.version == 6 and ip not in _GLOBAL_UNICAST:
        return False
    return not any(ip.version == network.version and ip in network for network in _NOT_PUBLIC)


def require_public(address: str) -> None:
    """Raises ``AddressRefusedError`` unless ``address`` is public."""
    if not is_public(address):
        raise AddressRefusedError(
            errno.EACCES, f"{address} is not a public address, and the tool may use no other"
        )


class PublicResolver(AbstractResolver):
    """Refuses a whole answer as soon as one of its addresses is not public."""

    def __init__(self, inner: AbstractResolver) -> None:
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        answer = await self._inner.resolve(host, port, family)
        for result in answer:
            require_public(result["host"])
        return answer

    async def close(self) -> None:
        await self._inner.close()


def public_socket(info: AddressInfo) -> socket.socket:
    """A socket for a connection to ``info``: the last check, and the only one for literal addresses."""
    family, kind, protocol, _, address = info
    require_public(address[0])
    return socket.socket(family, kind, protocol)
