"""The generated outdoor shop: its catalogue, its customers, what they did, how they react to mail."""
