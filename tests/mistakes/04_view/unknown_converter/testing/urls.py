from django.urls import path

from . import views

urlpatterns = [
    path("sum/<integer:x>/<int:y>/", views.sum_it),
]
