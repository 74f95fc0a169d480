"""The claims of the paper and the questions of its reviewers, each with a computed verdict."""
