"""A private RabbitMQ, and a spare one to be killed. It knows nothing of stages or Celery."""
