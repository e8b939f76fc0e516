"""Alpaca: US equities, their options, and crypto, of one account by one stream."""
