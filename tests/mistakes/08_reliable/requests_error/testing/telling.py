"""Tell another service over HTTP that something is done."""

import httpx
import requests
from celery import shared_task


@shared_task(autoretry_for=(requests.RequestException,), max_retries=5, retry_backoff=True, retry_jitter=True)
def tell(url, text):
    httpx.post(url, json={"text": text}, timeout=5).raise_for_status()
