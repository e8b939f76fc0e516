"""Fillwire."""
