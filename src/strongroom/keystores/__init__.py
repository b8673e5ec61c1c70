"""The only home of raw key material: the root key and its seal, and the key stores."""
