"""The chassis, blind to venues: settings, telemetry, backoff, lifecycle, dispositions of errors."""
