"""OpenTelemetry traces, written to the file TRACES_FILE. If it is not set, nothing is traced.

A trace records what one request led to: a span for each part, with its start and end times.
"""

import os
from typing import Any

from celery.signals import worker_process_init

FILE = os.environ.get("TRACES_FILE")


def trace_web() -> None:
    """Call this before Django loads its middleware."""
    if FILE:
        from opentelemetry.instrumentation.django import DjangoInstrumentor

        trace_tasks()
        DjangoInstrumentor().instrument()


@worker_process_init.connect
def trace_tasks(**_: Any) -> None:
    """Set up tracing in this process. In a worker, Celery calls this after each fork."""
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
