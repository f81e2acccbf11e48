"""One file for each peer: a serial port, the bus, the store, a mail command. Adapters never import each other."""
