"""The policy engine: which Rego and data are in force, and who answers questions from them.

An engine must never turn the lack of a well-formed answer into one.
"""
