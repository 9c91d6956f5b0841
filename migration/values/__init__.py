"""Plain values and pure functions every floor may use: lines, fingerprints, digests, envelopes, manifests."""
