"""Report to another service, over HTTP, that something is done."""

import httpx
from celery import shared_task


@shared_task(max_retries=5)
def tell(self, url: str, text: str) -> None:
    try:
        httpx.post(url, json={"text": text}, timeout=5).raise_for_status()
    except httpx.HTTPError as error:
        raise self.retry(exc=error, countdown=2 ** self.request.retries)
