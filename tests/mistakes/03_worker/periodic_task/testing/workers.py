from datetime import timedelta

from celery import Celery
from celery.decorators import periodic_task

app = Celery("tasks", broker="amqp://learner:sesame@localhost:5672//vhost")


@periodic_task(run_every=timedelta(minutes=1))
def sum_number(x, y):
    num = 0
    for _ in range(x):
        for _ in range(y):
            num += 1
    return num
