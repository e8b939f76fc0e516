"""Coinbase Advanced Trade as its documents describe it: REST API and the user feed with cumulative order updates."""
