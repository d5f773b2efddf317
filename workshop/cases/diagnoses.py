"""What else may be wrong with such a system: diagnoses that are right in no case."""

OTHERS = [
    "a rate limit is too low",
    "a task calls get() on another task's result",
    "a task's arguments are not JSON",
    "a worker has no more memory",
    "a worker's pool is too small",
    "beat is not running",
    "a worker is not running",
    "no result backend is set",
    "the broker is not running",
    "the database is locked",
    "the message is sent before the commit",
    "the password for the broker is wrong",
    "the queue exists with other arguments",
    "the tables of an app do not exist",
    "the time limit of a task is too short",
    "the vhost does not exist",
    "two workers have the same name",
    "visitors send the same form twice",
]
