"""The first layer: functions, with a database and without a broker."""

# TODO a: test that a job has one receipt, even if `write_receipt` is called twice for it.

# TODO b: test that another connection finds the job when `services.send` is called.
