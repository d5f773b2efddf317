from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from .models import DeadLetter
from .services import send_back


@admin.register(DeadLetter)
class DeadLetterAdmin(admin.ModelAdmin):
    list_display = ["task", "task_id", "queue", "reason", "died"]
    list_filter = ["task", "queue", "reason"]
    actions = ["send_selected_back"]

    @admin.action(description="Send back to the queue", permissions=["change"])
    def send_selected_back(self, request: HttpRequest, letters: QuerySet[DeadLetter]) -> None:
        count = 0
        for letter in letters:
            try:
                send_back(letter)
            except Exception as error:
                self.message_user(request, f"{letter}: {error}", messages.ERROR)
            else:
                count += 1
        self.message_user(request, f"{count} sent back")
