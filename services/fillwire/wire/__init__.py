"""How events look on the broker: JSON bytes, subjects, message ids and headers."""
