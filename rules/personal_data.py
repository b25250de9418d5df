"""What the tables of rules hold about people (see `customers.policies`)."""

from customers.policies import not_personal

POLICIES = not_personal(
    "rules.RuleSet",
    "rules.RuleSetVersion",
    "rules.RuleDraft",
    "rules.RuleTest",
    why="Rules that colleagues write, and the imaginary customers they are tried on.",
)
