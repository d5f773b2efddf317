from rest_framework.response import Response
from rest_framework.views import APIView

from .workers import sum_number


class SumIt(APIView):
    def get(self, request, x, y):
        sum_number.delay(x, y)
        return Response({"res": "good"})
