"""Fixtures of the recorder's tests, apart from the others': their drivers are slow to import."""

from support.databases import database
from support.postgresql import own_postgresql, postgresql

__all__ = ["database", "own_postgresql", "postgresql"]
