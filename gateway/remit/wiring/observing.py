"""Logs and metrics of one process."""

from __future__ import annotations

import logging
import sys

import structlog
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from remit.config.settings import LogSettings


def configure_logging(settings: LogSettings) -> None:
    """Structured lines on standard error; nothing that a bearer could use is ever put in one."""
    terminal = sys.stderr.isatty()
    to_people = settings.format == "console" or (settings.format == "auto" and terminal)
    renderer: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer(colors=terminal) if to_people else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[settings.level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def make_metrics() -> CollectorRegistry:
    """A registry of this process alone, with the process's own figures in it."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry
