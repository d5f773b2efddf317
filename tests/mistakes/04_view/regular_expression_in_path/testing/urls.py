from django.urls import path

from . import views

urlpatterns = [
    path(r"^sum/(\d+)/(\d+)/$", views.sum_it),
]
