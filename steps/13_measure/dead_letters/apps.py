from django.apps import AppConfig


class DeadLettersConfig(AppConfig):
    name = "dead_letters"
