"""Who may do what, pure: facts in, a decision with its reason out."""
