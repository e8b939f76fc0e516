"""The web page for operators and users: connections, live fills, bots, trouble and profit."""
