"""The `fillwire` command."""
