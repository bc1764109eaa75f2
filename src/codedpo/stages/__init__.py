"""The seven stages: each turns the records of the one before into records of its own; none imports another."""
