from django.urls import include, path

from . import views

app_name = "testing"

urlpatterns = [
    path("sum/", include([path("<int:x>/<int:y>/", views.sum_it, name="sum")])),
]
