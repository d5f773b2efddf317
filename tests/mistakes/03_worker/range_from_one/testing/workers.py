from celery import Celery

app = Celery("tasks", broker="amqp://learner:sesame@localhost:5672//vhost")


@app.task
def sum_number(x, y):
    num = 0
    for _ in range(1, x):
        for _ in range(1, y):
            num += 1
    return num
