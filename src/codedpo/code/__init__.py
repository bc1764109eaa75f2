"""Programs and tests in model answers: extraction, splitting, normal forms."""
