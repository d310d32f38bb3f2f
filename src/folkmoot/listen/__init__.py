"""Listen: a public's votes become opinion groups, and what all of them agree on."""
