"""The gateway service: one exchange, many accounts, one WebSocket each, into JetStream."""
