from django.urls import path

from . import views

urlpattern = [
    path("sum/<int:x>/<int:y>/", views.sum_it),
]
