from django.urls import path

from . import views

urlpatterns = path("sum/<int:x>/<int:y>/", views.sum_it)
