"""HTTPRoute of the Gateway API, message by message → the VirtualService rules that mean the same."""
