"""Arrays in, arrays out: what the operations compute with."""
