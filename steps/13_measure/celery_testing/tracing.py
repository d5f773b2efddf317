"""Traces of OpenTelemetry, written to the file that TRACES_FILE names; without it, nothing happens.

A trace is what one request led to: a span for each part of it, with its beginning and its end.
"""

import os
from typing import Any

from celery.signals import worker_process_init

FILE = os.environ.get("TRACES_FILE")


def trace_web() -> None:
    """Call it before Django loads its middleware."""
    if FILE:
        from opentelemetry.instrumentation.django import DjangoInstrumentor

        trace_tasks()
        DjangoInstrumentor().instrument()


@worker_process_init.connect
def trace_tasks(**_: Any) -> None:
    """A worker's processes begin here: what was set up before the fork would not write."""
    if FILE:
        from opentelemetry import trace
        from opentelemetry.instrumentation.celery import CeleryInstrumentor
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

        out = open(FILE, "a", buffering=1)  # noqa: SIM115, it is open as long as the process runs
        exporter = ConsoleSpanExporter(out=out, formatter=lambda s: s.to_json(indent=None) + "\n")
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        trace.set_tracer_provider(provider)
        CeleryInstrumentor().instrument()
