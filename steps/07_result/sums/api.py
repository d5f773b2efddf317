"""The JSON API: POST a sum, GET what has become of it, DELETE to cancel it."""

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.exceptions import APIException
from rest_framework.response import Response

from .models import SIDE, Job
from .submitting import KeyUsed, NotSent, submit

KEY = "Idempotency-Key"


class JobSerializer(serializers.Serializer):
    id = serializers.UUIDField(read_only=True)
    url = serializers.HyperlinkedIdentityField(view_name="sums-detail", read_only=True)
    x = serializers.IntegerField(min_value=1, max_value=SIDE)
    y = serializers.IntegerField(min_value=1, max_value=SIDE)
    created = serializers.DateTimeField(read_only=True)
    state = serializers.CharField(source="outcome.state", read_only=True)
    percent = serializers.IntegerField(source="outcome.percent", read_only=True)
    result = serializers.IntegerField(source="outcome.result", read_only=True, allow_null=True)
    error = serializers.CharField(source="outcome.error", read_only=True)


class KeyIsTaken(APIException):
    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_code = "key_is_taken"


class BrokerIsDown(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "broker_is_down"
    wait = 2  # seconds: REST framework makes the header Retry-After of it


class IsOver(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = "This sum is over: there is nothing left to cancel."
    default_code = "is_over"


class SumViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet,
):
    """Sums that are done by a worker."""

    queryset = Job.objects.exclude(sent=None)
    serializer_class = JobSerializer

    @extend_schema(
        parameters=[
            OpenApiParameter(
                KEY, str, OpenApiParameter.HEADER, description="The same again: the same job."
            )
        ],
        responses={
            202: JobSerializer,
            400: OpenApiResponse(description="x or y is missing, or out of its limits"),
            422: OpenApiResponse(description="the key belongs to another sum"),
            503: OpenApiResponse(description="the broker has not taken it"),
        },
    )
    def create(self, request):
        asked = self.get_serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        key = request.headers.get(KEY, "")
        if len(key) > 200 or "\0" in key:
            raise serializers.ValidationError({KEY: ["At most 200 characters, and no NUL."]})
        try:
            job = submit(**asked.validated_data, key=key)
        except KeyUsed as error:
            raise KeyIsTaken(str(error)) from error
        except NotSent as error:
            raise BrokerIsDown(f"Nothing was accepted: {error}") from error
        answer = self.get_serializer(job).data
        return Response(answer, status.HTTP_202_ACCEPTED, headers={"Location": str(answer["url"])})

    @extend_schema(
        responses={
            202: JobSerializer,
            404: OpenApiResponse(description="there is no such sum"),
            409: OpenApiResponse(description="it is over"),
        }
    )
    def destroy(self, request, pk=None):
        job = self.get_object()
        if job.outcome.is_over and not job.cancelled:
            raise IsOver
        job.cancel()
        return Response(self.get_serializer(job).data, status.HTTP_202_ACCEPTED)
