"""What the shop sells, where, and what is on there."""

from products.models.catalogue import Category, Product, ProductQuerySet
from products.models.stores import Place, Promotion, PromotionQuerySet, Store

__all__ = ["Category", "Place", "Product", "ProductQuerySet", "Promotion", "PromotionQuerySet", "Store"]
