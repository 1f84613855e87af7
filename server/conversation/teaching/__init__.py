"""Teaching over the socket."""
