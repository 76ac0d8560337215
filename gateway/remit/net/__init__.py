"""Shared I/O that several ports need: HTTP, key sets, key files. It must know nothing of runs."""
