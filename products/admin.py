"""The catalogue and the stores in the admin."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from products.models import Category, Product, Promotion, Store
from products.stores import tell_listeners


@admin.register(Category)
class CategoryAdmin(ModelAdmin):  # type: ignore[misc]
    """The category tree."""

    list_display = ("path", "name")
    list_select_related = ("parent",)
    search_fields = ("path",)
    autocomplete_fields = ("parent",)


@admin.register(Product)
class ProductAdmin(ModelAdmin):  # type: ignore[misc]
    """Products; what identifies one at its source cannot be changed."""

    list_display = ("name", "external_id", "category", "price_minor", "currency", "is_available")
    list_select_related = ("category",)
    list_filter = ("is_available", "source")
    search_fields = ("name", "external_id")
    autocomplete_fields = ("category",)
    readonly_fields = ("source", "external_id", "created_at", "updated_at")
    show_full_result_count = False

    def has_add_permission(self, request: object) -> bool:
        """Products come from their sources."""
        return False


@admin.register(Store)
class StoreAdmin(ModelAdmin):  # type: ignore[misc]
    """Stores; a change moves the customers whose nearest store it is, or becomes."""

    list_display = ("name", "external_id", "city", "region", "country", "is_open")
    list_filter = ("is_open", "country", "source")
    search_fields = ("name", "external_id", "city", "region")
    readonly_fields = ("updated_at",)

    def save_model(self, request: HttpRequest, obj: Store, form: Any, change: bool) -> None:
        """Save, and tell those who ask for the nearest store."""
        super().save_model(request, obj, form, change)
        tell_listeners()

    def delete_model(self, request: HttpRequest, obj: Store) -> None:
        """Delete; its customers go to the next one."""
        super().delete_model(request, obj)
        tell_listeners()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Store]) -> None:
        """Delete several."""
        super().delete_queryset(request, queryset)
        tell_listeners()


@admin.register(Promotion)
class PromotionAdmin(ModelAdmin):  # type: ignore[misc]
    """What is on, where and how long."""

    list_display = ("name", "headline", "starts_at", "ends_at", "code")
    list_filter = ("starts_at",)
    search_fields = ("key", "name", "headline", "code")
    prepopulated_fields = {"key": ("name",)}
    autocomplete_fields = ("stores",)
