"""One thing of a run varied, all else held equal: trainings compared in a table and a figure (docs/ablations.md)."""
