"""A run folder in, what a terminal prints of it out: one task with all that became of it, or the list of its tasks."""

from codedpo.show.listing import task_lines
from codedpo.show.page import task_page
from codedpo.show.run import open_run

__all__ = ["open_run", "task_lines", "task_page"]
