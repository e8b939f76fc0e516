"""The service that tells people's own systems of alerts: a signed webhook, sent until it is taken."""
