from rest_framework.decorators import api_view
from rest_framework.response import Response

from .workers import sum_number


@api_view(["GET"])
def sum_it(request, x, y):
    sum_number.apply_async(args=[x, y], queue="sums_to_do")

    return Response(data={"res": "good"})
