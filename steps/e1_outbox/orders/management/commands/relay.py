"""Send the messages in the outbox, again and again, until the process is stopped."""

import contextlib
import logging
import time
from typing import Any

from django.core.management.base import BaseCommand
from django.db import InterfaceError, OperationalError, close_old_connections

from orders.outbox import send_all
from sums.publisher import UNSENT

logger = logging.getLogger(__name__)
PAUSE = 0.5  # seconds between two looks at the outbox


class Command(BaseCommand):
    help = __doc__

    def handle(self, **options: Any) -> None:
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                self.look()
                time.sleep(PAUSE)

    def look(self) -> None:
        close_old_connections()  # one that the database has ended would never work again
        try:
            if count := send_all():
                logger.info("sent %s", count)
        except UNSENT as error:
            logger.warning("the broker did not accept a message: %s", error)
        except (OperationalError, InterfaceError) as error:
            logger.warning("the database does not answer: %s", error)
