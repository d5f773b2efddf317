"""Ask for a count, and for its outcome. Only the settings name the backend that runs it."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe
from django_tasks import default_task_backend
from django_tasks.base import TaskResult
from django_tasks.exceptions import TaskResultDoesNotExist

from sums.publisher import UNSENT

from .work import count


@csrf_exempt
@require_POST
def enqueue(request: HttpRequest, x: int, y: int) -> JsonResponse:
    try:
        return JsonResponse(_shown(count.enqueue(x, y)), status=202)
    except UNSENT:
        return JsonResponse({"detail": "The broker has not confirmed it."}, status=503)


@require_safe
def outcome(request: HttpRequest, result_id: str) -> JsonResponse:
    try:
        return JsonResponse(_shown(default_task_backend.get_result(result_id)))
    except TaskResultDoesNotExist:
        return JsonResponse({"detail": "No such task."}, status=404)


def _shown(result: TaskResult) -> dict:
    is_done = result.status == "SUCCESSFUL"
    return {
        "id": result.id,
        "status": result.status,
        "value": result.return_value if is_done else None,
    }
