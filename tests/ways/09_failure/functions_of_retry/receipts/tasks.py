"""Report to another service, over HTTP, that something is done."""

import random
import httpx
from celery import shared_task


@shared_task(bind=True, max_retries=4)
def tell(self, url: str, text: str) -> None:
    try:
        httpx.post(url, json={"text": text}, timeout=5).raise_for_status()
    except httpx.HTTPError as error:
        wait = random.uniform(0.5, 1) * 2**self.request.retries
        raise self.retry(exc=error, countdown=wait) from error
