"""Predictions about customers: what is learnt, how it is judged, and the scores that come of it."""
