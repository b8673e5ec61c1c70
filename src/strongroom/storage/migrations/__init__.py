"""Alembic's folder: every change of the schema since the first release."""
