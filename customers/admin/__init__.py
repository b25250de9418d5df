"""Customers and their history in the admin, by subject. What machines write is read-only here."""

from customers.admin import people, permissions, purchases, sources

__all__ = ["people", "permissions", "purchases", "sources"]
