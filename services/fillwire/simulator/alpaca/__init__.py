"""The Trading API of Alpaca as its documents describe it: REST API, account stream, equities and crypto pairs."""
