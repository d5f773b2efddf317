from django.urls import path

from . import views

urlpatterns = [
    # TODO b: send /sum/3/4/ to the view sum_it, with x and y as whole numbers
]
