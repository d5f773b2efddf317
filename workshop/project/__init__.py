"""A running Django project, no matter who runs it. It knows nothing of checks and lessons."""
