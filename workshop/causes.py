"""What Celery, kombu and Django say when something is wrong, and what it means.

Each row: what is looked for in the text, the likely cause, where to look. The texts are
those of Celery 5.7, kombu 5.7, py-amqp 5.4 and Django 5.2.
"""

import re

CAUSES = [
    (
        r"Received unregistered task of type '([^']+)'",
        "the worker never imported the task {0}",
        "start it in the folder that has manage.py, with the module after -A",
    ),
    (
        r"ACCESS_REFUSED - Login was refused|AccessRefused: \(0, 0\): \(403\)",
        "the broker does not know this user, or the password is another",
        "look at the user and the password in the broker's address",
    ),
    (
        r"NOT_ALLOWED - vhost (\S+) not found",
        "there is no vhost {0}",
        "an address ends in the vhost less its first slash: //vhost is the vhost /vhost",
    ),
    (
        r"NOT_ALLOWED - access to vhost '([^']+)' refused for user '([^']+)'",
        "the user {1} has no permissions on the vhost {0}",
        "rabbitmqctl list_permissions -p {0}",
    ),
    (
        r"Cannot connect to amqp://guest:\*\*@(?:127\.0\.0\.1|localhost):5672//",
        "Celery went to its built-in address: it did not read your settings",
        "look at -A, and at where the app gets its broker",
    ),
    (
        r"Errno 111|Errno 61|Connection refused",
        "nothing listens at that address: the broker is down, or the port is another",
        "rabbitmqctl ping",
    ),
    (
        r"Unable to load celery application\.\s+The module (\S+) was not found",
        "from this folder Python finds no module {0}",
        "stand in the folder that has manage.py; look at the name after -A",
    ),
    (
        r"You are using `(\S+)` as an option of the (\S+) sub-command",
        "the option {0} comes after the word {1}: it belongs to celery itself",
        "write it before {1}, right after celery",
    ),
    (
        r"can't open file '([^']+)'",
        "Python finds no file {0}",
        "in which folder is the command started, and where is the file?",
    ),
    (
        r"Module '([^']+)' has no attribute '([^']+)'",
        "the module {0} has no Celery app in it",
        "name the module in which the app is made after -A",
    ),
    (
        r"Cannot mix new( and old)? setting",
        "old and new setting names stand side by side",
        "keep to one kind of names, or give the app a namespace",
    ),
    (
        r"DisabledBackend|No result backend is configured",
        "the app has no result backend: the task was sent all the same",
        "a backend is for a later stage",
    ),
    (
        r"name 'delay' is not defined",
        "delay is a method of the task",
        "write it after the task's name and a dot",
    ),
    (
        r"name 'task' is not defined|'TaskRegistry' object is not callable",
        "the decorator belongs to the app: @app.task",
        "write the app's name and a dot before task",
    ),
    (
        r"'int' object has no attribute '(delay|apply_async)'",
        "the task was called, and {0} asked of its result: no brackets stand before .{0}",
        "the arguments stand in the brackets of {0}",
    ),
    (
        r"missing 2 required positional arguments: 'x' and 'y'",
        "the task got no arguments: they stand in delay's brackets, and none stand before .delay",
        "look at what stands in which brackets",
    ),
    (
        r"missing 1 required positional argument: 'self'",
        "a task gets itself, as self, if it is bound",
        "@shared_task(bind=True)",
    ),
    (
        r"missing 1 required positional argument: 'y'",
        "one argument is missing: x and y come each by itself, and a plain function has no self",
        "count the arguments in the brackets, on both sides",
    ),
    (
        r"takes \d positional arguments? but \d (?:was|were) given",
        "the function takes another number of arguments than it is given",
        "count the names in the brackets after def; with bind=True the first is self",
    ),
    (
        r"got multiple values for argument 'x'",
        "Django gives a view the request first, then what stands in the route",
        "the first name in the view's brackets is request",
    ),
    (
        r"Port could not be cast to integer",
        "a sign of the password is read as a part of the address",
        "escape it: %23 is #, %2F is /, %40 is @, %3A is :, %3F is ?",
    ),
    (
        r"api_view\.<locals>\.decorator\(\)",
        "@api_view stands without its brackets",
        '@api_view(["GET"])',
    ),
    (
        r"Unknown command: '([^']+)'",
        "Django has no command {0}",
        "python manage.py help lists them",
    ),
    (
        r"\.accepted_renderer not set",
        "REST framework's Response needs the decorator @api_view above the view",
        '@api_view(["GET"])',
    ),
    (
        r"argument after \*\*? must be (?:a mapping|an iterable), not int",
        "apply_async takes the arguments as one list: args=[x, y]",
        "delay takes them one by one",
    ),
    (
        r"AsyncResult is not JSON serializable",
        "delay gives an AsyncResult, not the number: that comes later, from a worker",
        'answer {{"res": "good"}}',
    ),
    (
        r"missing 1 required positional argument: 'request'",
        "the view was called while the routes were read",
        "name the view, without ()",
    ),
    (
        r"received a `<class 'coroutine'>`",
        "REST framework's views are not async functions",
        "write def without async",
    ),
    (
        r"Expected a `Response`",
        "the view returns nothing that Django can send",
        "is there a return?",
    ),
    (
        r"'str' object cannot be interpreted as an integer",
        "a piece of the URL reached range() as text",
        "look at how the route names x and y",
    ),
    (
        r"Invalid weekday literal '([^' ]+ [^']+)'",
        "a crontab takes each field by itself, not a line of cron: {0}",
        "crontab(minute=…, hour=…); what is not named is every one",
    ),
    (
        r"__init__\(\) got an unexpected keyword argument '(minutes|hours|days?|months?|weekday)'",
        "a crontab knows no {0}",
        "its fields are minute, hour, day_of_week, day_of_month and month_of_year",
    ),
    (
        r"'(?:AsyncResult|EagerResult|GroupResult)' object has no attribute",
        "what is there has been sent already: delay(), apply_async() and chord(…)(…) send at once",
        "a signature, such as chord(parts, add_up.s()), is not sent until somebody sends it",
    ),
    (
        r"'float' object cannot be interpreted as an integer",
        "/ makes a number with a point, even of two whole ones",
        "// leaves a whole number",
    ),
    (
        r"module 'celery\.states' has no attribute '(\w+)'",
        "Celery itself has no state {0}: it is a name that a task chooses",
        'write it as text, "{0}"',
    ),
    (
        r"PRECONDITION_FAILED - inequivalent arg '([^']+)' for queue '([^']+)'",
        "the queue {1} is there already, with another {0}: a worker of another stage or project "
        "made it, or one with other settings",
        "make doctor names the workers that run; then: rabbitmqctl delete_queue -p /vhost {1}",
    ),
    (
        r"PRECONDITION_FAILED - inequivalent arg '([^']+)' for exchange '([^']+)'",
        "the exchange {1} is there already, with another {0}: another stage or project made it",
        "on the management page: Exchanges, {1}, Delete; what uses it makes it anew",
    ),
    (
        r"not JSON serializable",
        "an argument of the task is no JSON value",
        "pass numbers, text, lists or a primary key",
    ),
    (
        r"[Aa]ddress already in use|That port is already in use",
        "another program listens on that port",
        "take the port that `begin` names",
    ),
    (
        r"(?s)SemLock.*Permission",
        "this machine gives you no shared memory, which a worker's pool needs",
        "ls -ld /dev/shm shows drwxrwxrwt where it does; else: sudo chmod 1777 /dev/shm",
    ),
    (
        r"\bSyntaxError|\bIndentationError",
        "Python cannot read one of your files",
        "the lines above name the file and the line",
    ),
    (
        r"No module named 'celery\.(task|decorators)'",
        "celery.{0} is gone since Celery 5: a task's decorator belongs to the app, @app.task",
        "take the line with celery.{0} out",
    ),
    (
        r"got an unexpected keyword argument '(?:args|kwargs)'",
        "delay takes the task's arguments one by one: args= and kwargs= are for apply_async",
        "look at the brackets after delay",
    ),
    (
        r"(\w+)\(\) got an unexpected keyword argument '(\w+)'",
        "{0} takes no argument called {1}, and the route or the caller uses this name",
        "look at the names in the brackets after def {0}",
    ),
    (
        r"does not appear to have any patterns in it",
        "urlpatterns is a list of path(...), and include() takes a module that has one",
        "look at [ ] around the routes; a view goes into path() itself",
    ),
    (
        r"partially initialized module '([^']+)'",
        "the imports go in a circle, and {0} has not been read to its end",
        "take one of these imports out",
    ),
    (
        r"'(?:function|method|builtin_function_or_method)' object is not subscriptable",
        "a function is called with round brackets, not with square ones",
        "name(...) for name[...]",
    ),
    (
        r"\[\[: (?:command )?not found",
        "[[ ]] is a word of bash; sh knows [ ] alone",
        "or do without a test: first || second",
    ),
    (
        r"settings are not configured",
        "no one has said which settings are Django's: DJANGO_SETTINGS_MODULE is not set",
        'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "celery_testing.settings")',
    ),
    (
        r"\bBdbQuit",
        "a debugger stopped there: breakpoint() or pdb.set_trace() is left in the file",
        "take that line out",
    ),
    (
        r"EOFError: EOF when reading a line",
        "input() asks for a line, and a worker or a web server has no keyboard",
        "take the value from the arguments",
    ),
    (
        r"No module named '\w+://",
        "the address came to Celery as its second argument, which is not the broker",
        "name it: broker=",
    ),
    (
        r"AppRegistryNotReady",
        "something that needs Django's models is imported while the settings are read",
        "in a file of the settings, name a task as text and do not import it",
    ),
    (
        r"ModuleNotFoundError: No module named '([^']+)'",
        "Python finds no module {0}",
        "look at the spelling, and at the folder you stand in",
    ),
]


def likely(text: str) -> tuple[str, str] | None:
    """The likely cause of what a log or an error says, and where to look; None if unknown."""
    for pattern, cause, look in CAUSES:
        found = re.search(pattern, text)
        if found:
            return cause.format(*found.groups()), look.format(*found.groups())
    return None
