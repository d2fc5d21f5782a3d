"""One module per Azure service; each exposes `SERVICE`, see `base.Service`."""
