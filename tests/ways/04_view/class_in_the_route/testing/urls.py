from django.urls import path

from . import views

urlpatterns = [
    path("sum/<int:x>/<int:y>/", views.SumIt.as_view()),
]
