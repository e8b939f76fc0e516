"""Alembic's migrations; see `fillwire.recorder.migrating`."""
