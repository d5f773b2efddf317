from celery import Celery

app = Celery("tasks", broker="amqp://learner:sesame@localhost:5672//vhost")


@app.taks
def sum_number(x, y):
    num = 0
    for _ in range(x):
        for _ in range(y):
            num += 1
    return num
