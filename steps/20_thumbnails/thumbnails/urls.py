from django.urls import path

from . import views

app_name = "thumbnails"

urlpatterns = [
    path("", views.page, name="page"),
    path("grid/", views.grid, name="grid"),
    path("<str:name>", views.thumbnail, name="thumbnail"),
]
