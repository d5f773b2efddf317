"""Private RabbitMQs, some to be killed, and a Redis. It knows nothing of stages or Celery."""
