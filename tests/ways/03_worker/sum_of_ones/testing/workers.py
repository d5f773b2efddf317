from celery import Celery

app = Celery("tasks", broker="amqp://learner:sesame@localhost:5672//vhost")


@app.task
def sum_number(x, y):
    return sum(1 for _ in range(x) for _ in range(y))
