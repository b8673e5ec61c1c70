"""What the service does: one function and one row of the table for each operation."""
