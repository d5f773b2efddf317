import uuid

from django import forms

from .models import SIDE, Job


class JobForm(forms.ModelForm):
    """Its key makes sure that a double click creates only one job."""

    key = forms.CharField(max_length=200, required=False, widget=forms.HiddenInput)

    class Meta:
        model = Job
        fields = ["x", "y"]
        labels = {"x": "Rows (x)", "y": "Per row (y)"}
        help_texts = dict.fromkeys(fields, f"1 to {SIDE:,}")

    @classmethod
    def empty(cls, x: int = SIDE, y: int = SIDE) -> "JobForm":
        """An initial form; each has a new key."""
        return cls(initial={"x": x, "y": y, "key": uuid.uuid4()})
