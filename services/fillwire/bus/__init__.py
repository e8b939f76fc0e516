"""JetStream: connection, streams, publisher, consumers, buckets, and the embedded server."""
