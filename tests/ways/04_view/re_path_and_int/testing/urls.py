from django.urls import re_path

from . import views

urlpatterns = [
    re_path(r"^sum/(?P<x>\d+)/(?P<y>\d+)/$", views.sum_it),
]
