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
    newest = Canary.objects.filter(queue=queue).first()
    return (timezone.now() - newest.sent).total_seconds() if newest else NEVER


class Measurements(Collector):
    """Each value is computed on request, by the process that gets the request."""

    def collect(self) -> Iterator[Metric]:
        age = GaugeMetricFamily("canary_age_seconds", canary_age.__doc__, labels=["queue"])
        depth = GaugeMetricFamily("queue_messages", "Waiting messages", labels=["queue"])
        for queue in current_app.amqp.queues:
            age.add_metric([queue], canary_age(queue))
            if status := ask_broker(queue):
                depth.add_metric([queue], status.waiting)
        yield age
        if depth.samples:
            yield depth
        yield CounterMetricFamily("sums_finished", "Finished sums", value=Receipt.objects.count())


REGISTRY = CollectorRegistry()
REGISTRY.register(Measurements())


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)
