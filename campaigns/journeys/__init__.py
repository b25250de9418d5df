"""Journeys: what a customer goes through after something happened, step by step."""
