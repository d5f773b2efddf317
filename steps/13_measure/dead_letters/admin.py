import logging

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from .models import DeadLetter
from .services import send_back

logger = logging.getLogger(__name__)


@admin.register(DeadLetter)
class DeadLetterAdmin(admin.ModelAdmin):
    """To look at, to send back, and to delete; a message that somebody could edit runs any task."""

    list_display = ["task", "task_id", "queue", "reason", "died"]
    list_filter = ["task", "queue", "reason"]
    fields = readonly_fields = [*list_display, "headers"]
    actions = ["send_selected_back"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.action(description="Send back to the queue", permissions=["change"])
    def send_selected_back(self, request: HttpRequest, letters: QuerySet[DeadLetter]) -> None:
        count = 0
        for letter in letters:
            try:
                send_back(letter)
            except Exception as error:
                logger.exception("%s was not sent back", letter)
                self.message_user(request, f"{letter}: {error}", messages.ERROR)
            else:
                count += 1
        if count:
            self.message_user(request, f"{count} sent back")
