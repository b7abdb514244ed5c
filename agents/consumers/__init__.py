"""The sockets: runners on one, browsers on the other. Thin: services decide, push tells."""
