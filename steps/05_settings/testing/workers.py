from celery import shared_task


@shared_task
def sum_number(x, y):
    num = 0
    for _ in range(x):
        for _ in range(y):
            num += 1
    return num
