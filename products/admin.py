"""The catalogue in the admin."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from products.models import Category, Product


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
