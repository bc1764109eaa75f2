"""Which two solutions of a task become a preference pair: rules, filters and the part in which the two differ."""
