"""Binance Spot: the WebSocket API with user data stream, and the REST requests around it."""
