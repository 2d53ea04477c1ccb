"""Our own model behind an OpenAI-compatible endpoint: `optical-memory serve`."""
