"""Real conversations through every adapter, the proxy and the server: what is sent, what it costs, how long a loop waits."""
