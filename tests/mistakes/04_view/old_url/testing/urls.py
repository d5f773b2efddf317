from django.conf.urls import url as path

from . import views

urlpatterns = [
    path("sum/<int:x>/<int:y>/", views.sum_it),
]
