"""Scores from models served elsewhere: asked over HTTP or read from a file, checked value by value, with a fallback."""
