"""Binance USD-M Futures on this machine."""
