"""Scores and recommendations from models elsewhere: asked over HTTP or read from a file, checked, with a fallback."""
