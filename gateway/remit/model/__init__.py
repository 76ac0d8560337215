"""The nouns. Frozen values with no behaviour beyond their own invariants, and no I/O."""
