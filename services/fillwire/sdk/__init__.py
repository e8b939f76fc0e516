"""What strategy authors import: strategies, listeners, order subscriptions, and the host that runs them."""
