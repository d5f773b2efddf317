from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.routers import SimpleRouter

from . import api, page

router = SimpleRouter()
router.register("sums", api.SumViewSet, basename="sums")

urlpatterns = [
    path("", page.index, name="page"),
    path("sums/<uuid:pk>/", page.job, name="job"),
    path("sums/<uuid:pk>/cancel/", page.cancel, name="cancel"),
    path("api/", include(router.urls)),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
]
