from django.contrib import admin
from unfold.admin import ModelAdmin

from delivery.models import Dispatch, Message, Sender, WebhookReceipt


@admin.register(Sender)
class SenderAdmin(ModelAdmin):
    """To look at; senders are changed on their own pages, which know what each way out has to be told."""

    list_display = ["name", "from_name", "from_email", "backend", "rate_per_second"]

    def has_add_permission(self, request: object) -> bool:
        return False

    def has_change_permission(self, request: object, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: object, obj: object = None) -> bool:
        return False


@admin.register(Dispatch)
class DispatchAdmin(ModelAdmin):
    list_display = ["name", "sender", "state", "created_at"]
    readonly_fields = ["name", "sender", "state", "created_at"]

    def has_add_permission(self, request: object) -> bool:
        return False


@admin.register(Message)
class MessageAdmin(ModelAdmin):
    list_display = ["id", "recipient", "subject", "state", "reason", "sent_at"]
    list_filter = ["state"]
    search_fields = ["=recipient", "=provider_id"]
    show_full_result_count = False
    list_select_related = True

    def has_add_permission(self, request: object) -> bool:
        return False

    def has_change_permission(self, request: object, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: object, obj: object = None) -> bool:
        return False


@admin.register(WebhookReceipt)
class WebhookReceiptAdmin(ModelAdmin):
    list_display = ["provider", "kind", "message", "received_at"]
    show_full_result_count = False

    def has_add_permission(self, request: object) -> bool:
        return False

    def has_change_permission(self, request: object, obj: object = None) -> bool:
        return False
