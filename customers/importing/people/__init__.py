"""Reads lists of people: a file is examined, its columns are guessed, tried without a trace, then stored."""
