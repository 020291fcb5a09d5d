"""A patient's conversation: what comes in, what is answered, and the log both sides watch."""
