"""The database: rows that are checked when they are read, one writer, a change log."""
