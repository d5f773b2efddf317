from celery import Celery

app = Celery("tasks", broker="amqp://learner:sesame@localhost:5672//vhost")


@app.task
def sum_number(x, y):
    return x * y
