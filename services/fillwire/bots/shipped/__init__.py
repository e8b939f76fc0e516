"""Bots that come with Fillwire."""
