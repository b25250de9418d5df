"""Recommenders as pure mathematics: arrays in, ranked ids out. Neither Django nor Celery is imported here."""
