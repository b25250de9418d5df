"""Events over HTTP: the Segment tracking protocol, and signed webhooks of any other system.

From the wire inwards: `bodies` reads what was sent, `protocol` decodes it, `keys` says who sent it, `translation`
(with `names`, `commerce` and `traits`) turns it into events, `receiving` stores them and answers for each.
"""
