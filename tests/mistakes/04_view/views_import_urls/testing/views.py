from rest_framework.decorators import api_view
from rest_framework.response import Response

from .urls import urlpatterns
from .workers import sum_number


@api_view(["GET"])
def sum_it(request, x, y):
    sum_number.delay(x, y)

    return Response(data={"res": "good"})
