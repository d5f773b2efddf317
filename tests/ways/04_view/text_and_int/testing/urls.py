from django.urls import path

from . import views

urlpatterns = [
    path("sum/<str:x>/<str:y>/", views.sum_it),
]
