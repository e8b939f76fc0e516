"""Binance Spot as its documents describe it: WebSocket API, REST API, user data stream, matching engine."""
