"""What the tables of experiments hold about people (see `customers.policies`)."""

from customers.policies import not_personal

POLICIES = [
    *not_personal(
        "experiments.Experiment",
        "experiments.Variant",
        "experiments.Look",
        why="Plans that colleagues make, and counts of what came of them.",
    ),
    *not_personal(
        "experiments.ImportedOutcomes", why="Sums over an arm's customers; no row of the file is kept."
    ),
]
