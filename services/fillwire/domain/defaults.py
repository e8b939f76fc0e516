"""What is meant where nobody says."""

EXCHANGE = "binance"
ENVIRONMENT = "live"
