"""A run's results in, one self-contained HTML page out."""

from codedpo.report.page import RunSummary, write_report

__all__ = ["RunSummary", "write_report"]
