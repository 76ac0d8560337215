"""Constraints on arguments: does a value satisfy them, and is one set of them within another."""

from remit.core.constraints.check import check, check_size, violations
from remit.core.constraints.within import within

__all__ = ["check", "check_size", "violations", "within"]
