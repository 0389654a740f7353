"""The gateway under an ASGI server: scope and messages in, upstream requests out."""
