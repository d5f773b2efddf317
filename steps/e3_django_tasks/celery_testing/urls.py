from django.contrib import admin
from django.urls import include, path

from canaries.metrics import metrics

urlpatterns = [
    path("", include("sums.urls")),
    path("thumbnails/", include("thumbnails.urls")),
    path("background/", include("background.urls")),
    path("admin/", admin.site.urls),
    path("metrics", metrics),
]
