"""Statistics, plots and tables made from result files; knows the schema of a log, not the framework."""
