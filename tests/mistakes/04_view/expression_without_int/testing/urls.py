from django.urls import re_path

from . import views

urlpatterns = [
    re_path(r"^sum/(?P<x>[0-9]+)/(?P<y>[0-9]+)/$", views.sum_it),
]
