"""`fillwire doctor`: looks at all that must be right for one account's fills to be detected, and says what is wrong."""
