"""What people wrote is sealed, counted, shown to its owner and removed in time."""
