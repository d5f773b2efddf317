from django.apps import AppConfig


class CanariesConfig(AppConfig):
    name = "canaries"

    def ready(self) -> None:
        from . import receivers
