from django.http import JsonResponse

from .workers import sum_number


async def sum_it(request, x, y):
    sum_number.delay(x, y)

    return JsonResponse({"res": "good"})
