"""Report to another service, over HTTP, that something is done."""

import httpx
from celery import shared_task


@shared_task
def tell(url: str, text: str) -> None:
    try:
        httpx.post(url, json={"text": text}, timeout=5).raise_for_status()
    except httpx.HTTPError:
        pass
