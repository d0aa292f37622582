"""VirtualService, message by message → the parts of an Envoy route or TCP proxy."""
