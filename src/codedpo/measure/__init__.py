"""A model or a file of programs measured on benchmarks, and two such measurements compared: `codedpo evaluate`."""
