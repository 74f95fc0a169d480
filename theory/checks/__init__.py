"""Formula against simulation: one module a chapter, each with its `CHECKS`."""
