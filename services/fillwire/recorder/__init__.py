"""The recorder: every execution and order state in a database, exactly once, and what can be asked of it."""
