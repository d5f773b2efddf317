celery_app = 1

__all__ = ["celery_app"]
