"""Values and rules of the trade: orders, fills, connections, identities and errors. Standard library only."""
