"""One module per trigger, each a thin blueprint over `shipments`."""
