"""Sans-I/O protocol per exchange: frames in, events and frames out; no sockets, clocks or randomness."""
