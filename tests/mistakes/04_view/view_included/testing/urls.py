from django.urls import include, path

from . import views

urlpatterns = [
    path("sum/<int:x>/<int:y>/", include("testing.views")),
]
