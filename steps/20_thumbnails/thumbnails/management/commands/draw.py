from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from thumbnails.drawing import draw


class Command(BaseCommand):
    help = "Draw pictures to make thumbnails of."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("count", type=int)

    def handle(self, *args: Any, count: int, **options: Any) -> None:
        draw(count)
