"""The page, with htmx if JavaScript is on; and a JSON API that does the same."""

from uuid import UUID

from django.core.cache import cache
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import AnonRateThrottle

from .forms import JobForm
from .models import Job, fetch_outcomes
from .serializers import JobSerializer
from .services import KeyUsed, NotSent, submit
from .status import ask_broker

# --- the page -----------------------------------------------------------------------------

# htmx gets a part of the page from the whole page's URL: a cache must not mix them up
varies = vary_on_headers("HX-Request")


@varies
@require_http_methods(["GET", "HEAD", "POST"])
def job_list(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _page(request, JobForm.empty())
    form = JobForm(request.POST)
    if not form.is_valid():
        return _page(request, form, code=400)
    if not AnonRateThrottle().allow_request(request, view=None):
        return _page(request, form, "Too many sums. Wait a minute.", code=429)
    data = form.cleaned_data
    try:
        submit(**data)
    except KeyUsed:
        alert = "This form was sent before, with other numbers. Send it again."
        return _page(request, JobForm.empty(data["x"], data["y"]), alert, code=422)
    except NotSent:
        alert = "The broker has not confirmed it. Send it again: it is not counted twice."
        return _page(request, form, alert, code=503)
    if request.htmx:
        return _page(request, JobForm.empty(data["x"], data["y"]))
    return redirect("sums:list")


def _page(request: HttpRequest, form: JobForm, alert: str = "", code: int = 200) -> HttpResponse:
    jobs = Paginator(Job.objects.sent(), 10).get_page(request.GET.get("page"))
    fetch_outcomes(jobs)
    template = "sums/_job_list.html" if request.htmx else "sums/job_list.html"
    return render(request, template, {"form": form, "jobs": jobs, "alert": alert}, status=code)


@varies
@require_safe
def job_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    job = get_object_or_404(Job.objects.sent(), pk=pk)
    template = "sums/_job.html" if request.htmx else "sums/job_detail.html"
    return render(request, template, {"job": job})


@varies
@require_POST
def job_cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    job = get_object_or_404(Job.objects.sent(), pk=pk)
    job.cancel()
    if not request.htmx:
        return redirect("sums:list")
    return render(request, "sums/_job.html", {"job": job})


@varies
@require_safe
def work_status(request: HttpRequest) -> HttpResponse:
    template = "sums/_status.html" if request.htmx else "sums/status.html"
    # however many visitors ask, the broker is asked once a second
    return render(request, template, {"status": cache.get_or_set("status", ask_broker, 1)})


# --- the API ------------------------------------------------------------------------------

KEY = "Idempotency-Key"


class KeyIsTaken(APIException):
    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_code = "key_is_taken"


class BrokerIsDown(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "The broker has not confirmed it. Send it again, with the same key."
    default_code = "broker_is_down"
    wait = 2  # seconds: REST framework puts it into the header Retry-After


class IsOver(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = "This sum is over, so there is nothing left to cancel."
    default_code = "is_over"


class JobViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet,
):
    """POST a sum, GET its outcome, DELETE it to cancel."""

    queryset = Job.objects.sent()
    serializer_class = JobSerializer

    def get_throttles(self) -> list[AnonRateThrottle]:
        """Only a POST makes work for the workers."""
        return super().get_throttles() if self.request.method == "POST" else []

    def paginate_queryset(self, queryset: QuerySet[Job]) -> list[Job]:
        jobs = super().paginate_queryset(queryset)
        fetch_outcomes(jobs)
        return jobs

    @extend_schema(
        parameters=[
            OpenApiParameter(
                KEY, str, OpenApiParameter.HEADER, description="The same key: the same job."
            )
        ],
        responses={
            202: JobSerializer,
            400: OpenApiResponse(description="x or y is missing, or outside its limits"),
            422: OpenApiResponse(description="the key belongs to another sum"),
            429: OpenApiResponse(description="too many sums from this address"),
            503: OpenApiResponse(description="the broker has not confirmed it"),
        },
    )
    def create(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        key = request.headers.get(KEY, "")
        if len(key) > 200 or "\0" in key:
            raise serializers.ValidationError({KEY: ["At most 200 characters, and no NUL."]})
        try:
            serializer.save(key=key)
        except KeyUsed as error:
            raise KeyIsTaken(str(error)) from error
        except NotSent as error:
            raise BrokerIsDown from error
        answer = serializer.data
        return Response(answer, status.HTTP_202_ACCEPTED, headers={"Location": str(answer["url"])})

    @extend_schema(
        responses={
            202: JobSerializer,
            404: OpenApiResponse(description="there is no such sum"),
            409: OpenApiResponse(description="it is over"),
        }
    )
    def destroy(self, request: Request, pk: str | None = None) -> Response:
        job = self.get_object()
        if not job.cancel():
            raise IsOver
        return Response(self.get_serializer(job).data, status.HTTP_202_ACCEPTED)
