"""Pure mathematics of predictions: arrays in, arrays out; neither Django nor Celery."""
