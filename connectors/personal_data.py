"""What the tables of connectors hold about people (see `customers.policies`)."""

from customers.policies import not_personal

POLICIES = not_personal("connectors.Source", why="Where data come from; a cursor names files, not people.")
