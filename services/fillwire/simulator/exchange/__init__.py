"""The venue-neutral core of every simulator."""
