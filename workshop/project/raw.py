"""Publish a task message with any body, without Celery."""

import uuid

from kombu import Connection, Exchange

from workshop.broker import login
from workshop.broker.node import Broker


def publish_raw(
    broker: Broker,
    vhost: str,
    task: str,
    body: bytes,
    content_type: str = "application/json",
) -> str:
    """Publish these bytes as the body of a task's message to the queue `sums`; return its id."""
    task_id = str(uuid.uuid4())
    address, options = login.url(broker, vhost), {"confirm_publish": True}
    with Connection(address, transport_options=options) as connection:
        connection.Producer().publish(
            body,
            exchange=Exchange("sums", "topic"),
            routing_key="sums",
            content_type=content_type,
            content_encoding="utf-8" if content_type == "application/json" else "binary",
            headers={"id": task_id, "task": task, "lang": "py"},
            correlation_id=task_id,
            delivery_mode=2,
        )
    return task_id
