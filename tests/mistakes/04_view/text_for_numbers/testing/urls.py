from django.urls import path

from . import views

urlpatterns = [
    path("sum/<x>/<y>/", views.sum_it),
]
