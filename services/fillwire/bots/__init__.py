"""The manager of bots, and the processes that run them."""
