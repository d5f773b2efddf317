"""The page: a form, the jobs with their bars. htmx asks for parts of it; without, it works too."""

import uuid

from django import forms
from django.core.paginator import Paginator
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from .models import SIDE, Job
from .submitting import KeyUsed, NotSent, submit

SENT = Job.objects.exclude(sent=None)


class SumForm(forms.Form):
    x = forms.IntegerField(label="x", min_value=1, max_value=SIDE)
    y = forms.IntegerField(label="y", min_value=1, max_value=SIDE)
    key = forms.CharField(max_length=200, widget=forms.HiddenInput)


def empty_form() -> SumForm:
    """The form as it is first seen. Its key makes a double click one job."""
    return SumForm(initial={"x": SIDE, "y": SIDE, "key": uuid.uuid4()})


@require_http_methods(["GET", "POST"])
def index(request):
    if request.method == "GET":
        return page(request, empty_form())
    form = SumForm(request.POST)
    if not form.is_valid():
        return page(request, form, status=400)
    try:
        submit(**form.cleaned_data)
    except KeyUsed:
        again = SumForm(initial={**form.cleaned_data, "key": uuid.uuid4()})
        said = "This form was sent before, with other numbers. Send it again."
        return page(request, again, said, status=422)
    except NotSent as error:
        said = f"The broker does not take the work now, so nothing was begun. Try again. ({error})"
        return page(request, form, said, status=503)
    return page(request, empty_form()) if request.htmx else redirect("page")


def page(request, form, alert="", status=200):
    jobs = Paginator(SENT, 10).get_page(request.GET.get("page"))
    template = "sums/content.html" if request.htmx else "sums/page.html"
    return render(request, template, {"form": form, "jobs": jobs, "alert": alert}, status=status)


@require_GET
def job(request, pk):
    found = get_object_or_404(SENT, pk=pk)
    return render(request, "sums/job.html" if request.htmx else "sums/one.html", {"job": found})


@require_POST
def cancel(request, pk):
    found = get_object_or_404(SENT, pk=pk)
    if not found.outcome.is_over:
        found.cancel()
    return render(request, "sums/job.html", {"job": found}) if request.htmx else redirect("page")
