"""Tell another service over HTTP that something is done."""

import httpx
from celery import shared_task


@shared_task
def tell(url, text):
    try:
        httpx.post(url, json={"text": text}, timeout=5).raise_for_status()
    except httpx.HTTPError:
        pass
