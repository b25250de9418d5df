"""Reads files and feeds: rows become events through a declared mapping, and every row is accounted for."""
