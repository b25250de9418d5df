"""Assignment, holdouts, statistics and the analysis of experiments."""
