"""Preference pairs in, a trained model out, on TRL. Heavy libraries are imported where they are used."""

VERSION = 3
"""Raised whenever the same pairs and settings would give another model."""
