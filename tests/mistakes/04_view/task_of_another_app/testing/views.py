from rest_framework.decorators import api_view
from rest_framework.response import Response

from celery import Celery

app = Celery("tasks")


@app.task(name="testing.workers.sum_number")
def sum_number(x, y):
    return x * y


@api_view(["GET"])
def sum_it(request, x, y):
    sum_number.delay(x, y)

    return Response(data={"res": "good"})
