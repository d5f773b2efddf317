from celery import Celery

app = Celery("tasks", broker="amqp://learner:sesame@localhost:5672//vhost")


@app.task
def sum_number(x, y):
    num = row = 0
    while row < x:
        column = 0
        while column < y:
            num += 1
            column += 1
        row += 1
    return num
