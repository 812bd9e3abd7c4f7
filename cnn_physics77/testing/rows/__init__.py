"""The rows of the table of operations, a family a file."""
