"""What Homeline does with its peers: dongles, inbox, outbox, deliveries and the bus object. `daemon` wires it."""
