"""Products that a mail chooses when it is opened: as pictures, and links that lead to what was shown."""
