from celery_testing import celery_app

__all__ = ["celery_app"]
