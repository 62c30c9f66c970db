"""The nouns of the shop: what is stored, its rules and its access patterns, one file each."""
