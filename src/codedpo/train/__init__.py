"""Preference pairs in, a trained model out, on TRL. Heavy libraries are imported where they are used."""
