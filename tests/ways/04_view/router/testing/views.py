from rest_framework.decorators import action
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from .workers import sum_number


class SumViewSet(ViewSet):
    @action(detail=False, url_path=r"(?P<x>\d+)/(?P<y>\d+)")
    def start(self, request, x, y):
        sum_number.delay(int(x), int(y))
        return Response({"res": "good"})
