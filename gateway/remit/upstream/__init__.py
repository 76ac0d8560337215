"""Ways to reach a tool: each implements the ``Upstream`` port, and sends a judged call at most once."""
