"""Strict readings of paths, e-mail addresses, URLs and IP addresses. Doubt means *no*.

Tools read these strings with parsers of their own, so whatever two parsers might read differently
(backslashes, percent-encoding, userinfo, control characters, trailing dots) is refused here.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from typing import Final

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_URL: Final = re.compile(
    r"https?://(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(?::[0-9]{1,5})?"
    # An @ before the first slash: some parsers look for the userinfo beyond ? and #.
    r"(?:[?#][^\\\s\x00-\x1f\x7f/@]*)?(?:/[^\\\s\x00-\x1f\x7f]*)?",
    re.ASCII,
)
_DOMAIN: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", re.ASCII)
_LOCAL_PART: Final = re.compile(r"[A-Za-z0-9.#$&'*+/=?^_{}~][A-Za-z0-9.#$&'*+/=?^_{}~-]{0,63}", re.ASCII)
"""RFC 5322 atext without what routes (``%``, ``!``) or a shell reads (backtick, ``|``, a leading ``-``)."""
_MAX_PATH_CHARS: Final = 4096
"""Linux's ``PATH_MAX``; a longer path names nothing."""
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories of what no reader sees and some tools drop: controls, formats, line breaks."""


def normal_path(value: str) -> bool:
    """Whether every parser reads ``value`` as the same path: no dots, empties, escapes or homes.

    And the same after NFKC, by which some tools turn look-alikes (a full-width dot or slash) into real ones.
    """
    if len(value) > _MAX_PATH_CHARS:
        return False
    folded = unicodedata.normalize("NFKC", value)
    return _normal_path(value) and _normal_path(folded) and folded.count("/") == value.count("/")


def _normal_path(value: str) -> bool:
    if "\\" in value or "%" in value or any(unicodedata.category(char) in _UNSEEN for char in value):
        return False
    segments = value.removeprefix("/").split("/")
    # Some systems cut dots and spaces off the end of a name, so that ".. " or "..." is a step up.
    return all(segment.strip(". ") and not segment.startswith("~") for segment in segments)


def email_domain(value: str) -> str | None:
    """The domain, lower case, of exactly one plain ASCII addr-spec (RFC 5321 section 4.1.2)."""
    local, at, domain = value.partition("@")
    if not at or not _LOCAL_PART.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        return None
    return None if ".." in domain else domain.lower()


def url_host(value: str) -> str | None:
    """The host, lower case, of an ``http`` or ``https`` URL without userinfo (RFC 3986)."""
    match = _URL.fullmatch(value)
    if match is None:
        return None
    host = match["host"].lower()
    return None if ".." in host else host


def host_matches(host: str, allowed: str) -> bool:
    """Whether ``host`` is ``allowed``, or below it when that is written ``*.name``."""
    allowed = allowed.lower()
    return host.endswith(allowed[1:]) if allowed.startswith("*.") else host == allowed


def network(value: str) -> Network | None:
    """``value`` as a network (an address is a network of one); IPv4-mapped IPv6 reads as IPv4.

    A length is decimal digits, for a mask reads as wide to one parser and as narrow to the next; and
    there is no zone.
    """
    _, slash, length = value.partition("/")
    if "%" in value or (slash and not re.fullmatch(r"0|[1-9][0-9]{0,2}", length)):
        return None
    try:
        parsed = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return None
    if parsed.version == 6 and (mapped := parsed.network_address.ipv4_mapped) is not None:
        return ipaddress.ip_network(f"{mapped}/{max(parsed.prefixlen - 96, 0)}", strict=False)
    return parsed


def inside(inner: Network, outer: Network) -> bool:
    """Whether every address of ``inner`` is in ``outer``."""
    if isinstance(inner, ipaddress.IPv4Network) and isinstance(outer, ipaddress.IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(inner, ipaddress.IPv6Network) and isinstance(outer, ipaddress.IPv6Network):
        return inner.subnet_of(outer)
    return False


def overlap(one: Network, other: Network) -> bool:
    """Whether some address is in both, IPv4 read as IPv4-mapped IPv6."""
    return _in_ipv6(one).overlaps(_in_ipv6(other))


def _in_ipv6(network: Network) -> ipaddress.IPv6Network:
    if isinstance(network, ipaddress.IPv6Network):
        return network
    return ipaddress.IPv6Network(f"::ffff:{network.network_address}/{network.prefixlen + 96}")


def glob_pattern(glob: str) -> str:
    """``glob`` as an RE2 expression: ``*`` and ``?`` stay within a segment, ``**`` crosses them."""
    parts = re.split(r"(\*\*|\*|\?)", glob)
    wild = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(wild.get(part) or re.escape(part) for part in parts)
