"""A Django project that runs, whoever runs it. It knows nothing of checks and lessons."""
