"""Coinbase Exchange as its documents describe it: REST API, WebSocket feed with the channels `user` and `full`."""
