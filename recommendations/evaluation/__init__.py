"""How good are recommendations? Temporal split, metrics over the whole catalogue, intervals. Pure arrays."""
