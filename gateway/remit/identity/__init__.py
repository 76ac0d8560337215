"""The Identity port: who holds a credential of a configured issuer, and what that lets them be."""

from remit.identity.dev import DevIssuer
from remit.identity.issuers import Issuers
from remit.identity.settings import Grant, IssuerConfig

__all__ = ["DevIssuer", "Grant", "IssuerConfig", "Issuers"]
