"""Everything that makes one computer look like the production surroundings of the shop."""
