"""Each part of the settings has a file of its own: Django's, and Celery's by subject."""

from pathlib import Path

from dotenv import load_dotenv

# First: what stands in .env, beside manage.py, counts for every part.
load_dotenv(Path(__file__).resolve().parent.parent / ".env")

from .base import *
from .messaging import *
from .queues import *
from .reliable import *
from .results import *
from .workflow import *
