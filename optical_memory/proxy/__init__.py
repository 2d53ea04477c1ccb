"""An OpenAI-, Anthropic- and Gemini-compatible proxy that shows old turns as pages: `optical-memory proxy --upstream URL`."""
