"""A page that fills while the workers work."""

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from .models import Picture
from .services import NotSent, find_new, send_all

STOP = 286  # the status at which htmx stops asking


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return render(request, "thumbnails/page.html", grid_of())
    find_new()
    try:
        send_all()
    except NotSent:
        alert = "The broker has not confirmed all of them. Send the others again."
        return render(request, "thumbnails/page.html", grid_of(alert=alert), status=503)
    return redirect("thumbnails:page")


def grid_of(**more: str) -> dict:
    """What the grid shows: the pictures that were sent, and how many of them are done."""
    pictures = list(Picture.objects.exclude(sent=None))
    done = sum(picture.done is not None for picture in pictures)
    return {"pictures": pictures, "done": done, **more}


@require_safe
def grid(request: HttpRequest) -> HttpResponse:
    """The part of the page that the browser asks for, again and again."""
    found = grid_of()
    code = STOP if found["done"] else 200
    return render(request, "thumbnails/_grid.html", found, status=code)


@require_safe
def thumbnail(request: HttpRequest, name: str) -> FileResponse:
    """A thumbnail's file; the name must be one that the table knows."""
    picture = get_object_or_404(Picture.objects.exclude(done=None), name=name)
    try:
        return FileResponse(picture.thumbnail.open("rb"), content_type="image/jpeg")
    except FileNotFoundError as error:
        raise Http404(f"the thumbnail of {picture} is gone") from error
