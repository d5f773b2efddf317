from rest_framework.decorators import api_view
from rest_framework.response import Response

from .workers import app


@api_view(["GET"])
def sum_it(request, x, y):
    app.send_task("testing.workers.sum_number", args=[x, y])

    return Response(data={"res": "good"})
