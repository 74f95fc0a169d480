"""The commands, one module for those that share options."""
