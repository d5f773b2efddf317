"""A live course on Celery and Django. A notebook needs this module alone."""

__version__ = "1.0"
__all__ = ["begin", "doctor", "pictures", "status"]


def __getattr__(name: str):
    # loaded when asked for: the command line and the guard start without the notebook's needs
    if name == "begin":
        from workshop.lesson import begin

        return begin
    if name == "doctor":
        from workshop.diagnosis import doctor

        return doctor
    if name == "status":
        from workshop.verbs import status

        return status
    raise AttributeError(name)
