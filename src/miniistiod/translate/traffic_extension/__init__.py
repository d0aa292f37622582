"""TrafficExtension and WasmPlugin: filters that the user brings."""
