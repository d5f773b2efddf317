from django.urls import path

from . import views

urlpatterns = [
    path("sum/<int:y>/<int:x>/", views.sum_it),
]
