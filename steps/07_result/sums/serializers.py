from typing import Any

from rest_framework import serializers

from .models import Job
from .services import submit


class JobSerializer(serializers.ModelSerializer):
    url = serializers.HyperlinkedIdentityField(view_name="sums:job-detail")
    state = serializers.CharField(source="outcome.state", read_only=True)
    percent = serializers.IntegerField(source="outcome.percent", read_only=True)
    result = serializers.IntegerField(source="outcome.result", read_only=True, allow_null=True)

    class Meta:
        model = Job
        fields = ["id", "url", "x", "y", "created", "state", "percent", "result"]

    def create(self, validated_data: dict[str, Any]) -> Job:
        return submit(**validated_data)
