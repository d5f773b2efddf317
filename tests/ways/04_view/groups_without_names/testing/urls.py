from django.urls import re_path

from . import views

urlpatterns = [
    re_path(r"^sum/(\d+)/(\d+)/$", views.sum_it),
]
