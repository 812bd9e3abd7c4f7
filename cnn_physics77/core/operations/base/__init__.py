"""How an operation is declared, and what all of them share."""
