"""The third layer: a real worker on a real broker, for what only they can show."""

import time

import pytest

from receipts.models import Receipt


@pytest.mark.django_db(transaction=True)
def test_a_sum_is_counted_and_has_its_receipt(worker, client):
    data = {"x": 3, "y": 4}
    headers = {"Idempotency-Key": "one"}
    answer = client.post("/api/sums/", data, content_type="application/json", headers=headers)
    url = answer["Location"]
    while client.get(url).json()["state"] not in ("SUCCESS", "FAILURE"):
        time.sleep(0.05)
    assert client.get(url).json()["result"] == 12
    assert Receipt.objects.exists()
