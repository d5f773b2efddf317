"""Processes, ports, files, waiting. It knows nothing of RabbitMQ, Celery, Django or stages."""
