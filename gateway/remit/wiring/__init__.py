"""The only place that knows every implementation: one file per port, and the gateway that they make."""

from remit.wiring.gateway import Gateway, open_gateway

__all__ = ["Gateway", "open_gateway"]
