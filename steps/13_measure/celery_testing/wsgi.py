import os

from django.core.wsgi import get_wsgi_application

from .tracing import trace_web

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "celery_testing.settings")

trace_web()
application = get_wsgi_application()

# On a hub, Jupyter's proxy is in front, and each link begins with the proxy's path. The site
# answers there and at its own address: FORCE_SCRIPT_NAME would change the links of both.
if "PROXIED_AT" in os.environ:
    from werkzeug.middleware.dispatcher import DispatcherMiddleware

    application = DispatcherMiddleware(application, {os.environ["PROXIED_AT"]: application})
