from django.urls import path

from . import views

app_name = "background"
urlpatterns = [
    path("<int:x>/<int:y>/", views.enqueue, name="enqueue"),
    path("<str:result_id>/", views.outcome, name="outcome"),
]
