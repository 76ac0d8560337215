"""Constraints on arguments: does a value satisfy them, and is one set of them within another."""

from remit.core.constraints.check import check, sources, violations
from remit.core.constraints.matching import surely_not
from remit.core.constraints.within import within

__all__ = ["check", "sources", "surely_not", "violations", "within"]
