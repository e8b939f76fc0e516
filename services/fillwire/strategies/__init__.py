"""Strategies that come with Fillwire: a grid and dollar-cost averaging, on a base that keeps a set of orders open."""
