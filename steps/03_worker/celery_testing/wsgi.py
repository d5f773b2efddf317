import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "celery_testing.settings")

application = get_wsgi_application()

if "PROXIED_AT" in os.environ:  # on a hub, Jupyter's proxy is in front
    from werkzeug.middleware.dispatcher import DispatcherMiddleware

    application = DispatcherMiddleware(application, {os.environ["PROXIED_AT"]: application})
