"""What the tables of experiments hold about people (see `customers.policies`)."""

from customers.policies import not_personal

POLICIES = not_personal("experiments.Experiment", "experiments.Variant", why="Plans that colleagues make.")
