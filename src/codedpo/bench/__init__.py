"""Samples of known truth in, how well each ranker tells right from wrong out (docs/rankers.md)."""
