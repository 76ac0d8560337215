"""Constraints on arguments: does a value satisfy them, and is one set of them within another."""

from remit.core.constraints.check import check, satisfies, violations
from remit.core.constraints.within import within

__all__ = ["check", "satisfies", "violations", "within"]
