from rest_framework.routers import DefaultRouter

from .views import SumViewSet

router = DefaultRouter()
router.register("sum", SumViewSet, basename="sum")

urlpatterns = router.urls
