"""The WebSocket: handshake, pairing, connections, frames in and out."""
