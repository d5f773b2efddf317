from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.routers import SimpleRouter

from . import views

app_name = "sums"

router = SimpleRouter()
router.register("sums", views.JobViewSet, basename="job")

urlpatterns = [
    path("", views.job_list, name="list"),
    path("sums/<uuid:pk>/", views.job_detail, name="detail"),
    path("sums/<uuid:pk>/cancel/", views.job_cancel, name="cancel"),
    path("status/", views.work_status, name="status"),
    path("api/", include(router.urls)),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
]
