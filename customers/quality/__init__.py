"""Whether what comes in can be trusted: expectations, quarantine, the health of sources, alerts, reconciliation."""
