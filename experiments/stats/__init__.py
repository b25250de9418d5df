"""Pure statistics: sufficient statistics in, frozen dataclasses out; neither Django nor Celery."""
