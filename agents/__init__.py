"""The product: agents, their threads and runs, what they ask, and what people decide."""
