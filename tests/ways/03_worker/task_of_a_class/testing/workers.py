from celery import Celery

app = Celery("tasks", broker="amqp://learner:sesame@localhost:5672//vhost")


class SumNumber(app.Task):
    name = "testing.workers.sum_number"

    def run(self, x, y):
        num = 0
        for _ in range(x):
            for _ in range(y):
                num += 1
        return num


sum_number = app.register_task(SumNumber())
