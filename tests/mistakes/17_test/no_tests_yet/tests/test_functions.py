"""The first layer: functions, with a database and without a broker."""

import pytest

from receipts.models import Receipt, write_receipt
from sums import services
from sums.models import Job
