"""What is meant where nobody says."""

EXCHANGE = "binance"
ENVIRONMENT = "live"
BROKER_URL = "nats://127.0.0.1:4222"
