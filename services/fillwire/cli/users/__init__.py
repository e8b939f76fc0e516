"""`fillwire users`: who may log in to the broker, as what; the broker's configuration is made from it."""
