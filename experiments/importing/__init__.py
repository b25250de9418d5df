"""Experiments that ran elsewhere: a file with a row for each customer becomes sums, and the sums a report."""
