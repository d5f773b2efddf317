"""A live course on Celery and Django."""
__version__ = "1.0"
