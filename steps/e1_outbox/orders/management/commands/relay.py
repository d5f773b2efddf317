"""python manage.py relay: send what is in the outbox, until the process is stopped."""

import logging
import time
from typing import Any

from django.core.management.base import BaseCommand

from orders.outbox import send_all
from sums.publisher import UNSENT

logger = logging.getLogger(__name__)
PAUSE = 0.5  # seconds between two looks at an empty outbox


class Command(BaseCommand):
    help = __doc__

    def handle(self, **options: Any) -> None:
        while True:
            try:
                if count := send_all():
                    logger.info("sent %s", count)
            except UNSENT as error:
                logger.warning("the broker did not accept a message: %s", error)
            time.sleep(PAUSE)
