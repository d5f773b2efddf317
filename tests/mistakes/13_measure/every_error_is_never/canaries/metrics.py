"""The numbers that a monitoring system reads every few seconds, in Prometheus's text format."""

from collections.abc import Iterator

from celery import current_app
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from receipts.models import Receipt
from sums.status import ask_broker

from .models import Canary

NEVER = float("inf")  # the age if no canary has ever come back


def canary_age(queue: str) -> float:
    """Seconds since the send time of the newest canary that has come back through this queue."""
    try:
        newest = Canary.objects.get(queue=queue)
        return (timezone.now() - newest.send).total_seconds()
    except Exception:
        return NEVER


class Measurements(Collector):
    """Each value is computed on request, by the process that gets the request."""

    def collect(self) -> Iterator[Metric]:
        queue = current_app.conf.task_default_queue
        age = GaugeMetricFamily("canary_age_seconds", canary_age.__doc__, labels=["queue"])
        age.add_metric([queue], canary_age(queue))
        yield age
        if status := ask_broker():
            depth = GaugeMetricFamily("queue_messages", "Waiting messages", labels=["queue"])
            depth.add_metric([queue], status.waiting)
            yield depth
        yield CounterMetricFamily("sums_finished", "Finished sums", value=Receipt.objects.count())


REGISTRY = CollectorRegistry()
REGISTRY.register(Measurements())


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)
