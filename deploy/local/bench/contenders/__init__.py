"""What the service is measured against: loops that keep no order, no ledger and no promise."""
