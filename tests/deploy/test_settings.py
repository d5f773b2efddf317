"""docker/deployed.py: addresses and secrets come from outside."""


def test_workers_and_senders_use_the_same_broker(settings):
    found = settings(DJANGO_SECRET_KEY="none", RABBITMQ_PASSWORD="a/b")
    assert found["read"] == found["write"] == "amqp://learner:a%2Fb@rabbitmq//vhost"


def test_addresses_come_from_outside(settings):
    names = {"RABBITMQ_USER": "us", "RABBITMQ_HOST": "there", "POSTGRES_HOST": "elsewhere"}
    found = settings(DJANGO_SECRET_KEY="none", **names)
    assert found["write"] == "amqp://us:@there//vhost"
    assert found["database"]["HOST"] == "elsewhere"


def test_a_secret_may_be_in_a_file(settings, tmp_path):
    names = ("DJANGO_SECRET_KEY", "RABBITMQ_PASSWORD", "POSTGRES_PASSWORD")
    for name in names:
        (tmp_path / name).write_text(f"{name.lower()}\n")
    found = settings(**{f"{name}_FILE": str(tmp_path / name) for name in names})
    assert found["key"] == "django_secret_key"
    assert found["write"] == "amqp://learner:rabbitmq_password@rabbitmq//vhost"
    assert found["database"]["PASSWORD"] == "postgres_password"
