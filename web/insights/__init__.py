"""What managers see: what was asked, what was answered, how long people waited."""
