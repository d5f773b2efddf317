from functools import partial

from django.db import transaction
from rest_framework.decorators import api_view
from rest_framework.response import Response

from .workers import sum_number


@api_view(["GET"])
def sum_it(request, x, y):
    transaction.on_commit(partial(sum_number.delay, x, y))

    return Response(data={"res": "good"})
