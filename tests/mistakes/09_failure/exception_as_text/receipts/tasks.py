"""Report to another service, over HTTP, that something is done."""

import httpx
from celery import shared_task


@shared_task(autoretry_for=("httpx.HTTPError",), max_retries=5, retry_backoff=True, retry_jitter=True)
def tell(url: str, text: str) -> None:
    httpx.post(url, json={"text": text}, timeout=5).raise_for_status()
