"""The nouns and rules of KMS, pure: no clock, no randomness, no storage, nothing of ours imported."""
