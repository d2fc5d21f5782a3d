"""The domain of the shipment-tracking portal: no Pulumi, no web framework."""
